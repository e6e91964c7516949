"""The article's constants (Seo 2018), each once; `conf/` repeats them as the command's defaults."""

PIXELS = 784
HIDDEN = (840, 1024)
INIT_SCALE = 0.2
SIGNAL = (1.0, 0.1, 0.01)  # by layer, from the input on
LR, DROP_EPOCH, DROPPED_LR = 0.03, 4, 0.0001
EPOCHS = 100
SEED = 452
DIGITS = (0, 1)
TEST_SIZE = 20
