"""What every command of this project tells the shell."""

DONE = 0
UNSCORED = 1  # done and written, but rows are without a score, or a bar was missed
MISTAKE = 2  # something is to be mended, and nothing was written
ALONE = 3  # another process of a distributed run is gone
STOPPED = 130  # by Ctrl-C; 143: by SIGTERM. What was done is kept, and can be gone on with
