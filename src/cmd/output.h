/* output.h - results go to stdout, whole, or the command has failed. */
#ifndef CMD_OUTPUT_H
#define CMD_OUTPUT_H

#include "base/buf.h"

MUST_CHECK int output_text(const struct buf *, struct err *);

#endif
