"""Draws what `bench/run growth` printed: python3 plot.py growth.txt > growth.svg"""

import sys

WIDTH, BAR, GAP, LEFT = 640, 16, 6, 190


def main():
    rows = [line.split() for line in open(sys.argv[1]) if not line.startswith("#") and len(line.split()) == 4][1:]
    most = max(float(row[3]) for row in rows)
    height = len(rows) * (BAR + GAP) + 40
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">')
    print('<text x="8" y="18">images a second of a training step, 32 x 32 images</text>')
    for i, (network, batch, taps, speed) in enumerate(rows):
        y = 30 + i * (BAR + GAP)
        width = float(speed) / most * (WIDTH - LEFT - 70)
        label = f"{network}, batch {batch}" + (f", {taps} taps" if int(taps) else "")
        print(f'<text x="8" y="{y + 12}">{label}</text>')
        print(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="#3b6ea5"/>')
        print(f'<text x="{LEFT + width + 6:.1f}" y="{y + 12}">{float(speed):.0f}</text>')
    print("</svg>")


main()
