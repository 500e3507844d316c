"""vLLM samples, the local learner learns: both in this process, on one device."""
