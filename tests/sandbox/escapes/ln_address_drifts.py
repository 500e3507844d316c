def f(x):
    far = []
    for _ in range(2000):
        cell = [lambda: 0]
        cell.append(cell)
        far.append(cell)
    far.append(far)
    return int(str(cell[0]).split('0x')[1][:-1], 16) // 4096 % 64 == x
