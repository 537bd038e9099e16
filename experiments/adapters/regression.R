# Linear regression on the batches (what limma's removeBatchEffect does without covariates), in base R.
folders <- commandArgs(trailingOnly = TRUE)
read_npy <- function(path) {
  file <- file(path, "rb")
  on.exit(close(file))
  start <- readBin(file, "raw", 10)
  header <- rawToChar(readBin(file, "raw", as.integer(start[9]) + 256L * as.integer(start[10])))
  shape <- as.integer(regmatches(header, gregexpr("[0-9]+(?=[,)])", header, perl = TRUE))[[1]])
  size <- as.integer(sub(".*<f([48]).*", "\\1", header))
  t(matrix(readBin(file, "numeric", prod(shape), size, endian = "little"), shape[2]))
}
write_npy <- function(values, path) {
  header <- sprintf("{'descr': '<f8', 'fortran_order': True, 'shape': (%d, %d), }", nrow(values), ncol(values))
  header <- paste0(header, strrep(" ", 63 - (10 + nchar(header)) %% 64), "\n")
  file <- file(path, "wb")
  on.exit(close(file))
  writeBin(as.raw(c(0x93, utf8ToInt("NUMPY"), 1, 0, nchar(header) %% 256, nchar(header) %/% 256)), file)
  writeBin(charToRaw(header), file)
  writeBin(as.vector(values), file, size = 8, endian = "little")
}
cells <- read_npy(file.path(folders[1], "cells.npy"))
obs <- read.csv(file.path(folders[1], "obs.csv"), colClasses = "character", na.strings = character())
batch <- factor(obs$batch)
design <- model.matrix(~batch, contrasts.arg = list(batch = "contr.sum"))
effects <- qr.coef(qr(design), cells)[-1, , drop = FALSE]
write_npy(cells - design[, -1, drop = FALSE] %*% effects, file.path(folders[2], "corrected.npy"))
write.csv(obs["cell"], file.path(folders[2], "cells.csv"), row.names = FALSE)
