"""``python -m posture``: how the scheduler calls the program that it is part of."""

from posture.cli import main

main()
