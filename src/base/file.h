/* file.h - small helpers over the kernel's files. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdint.h>

#include "base/buf.h"

/* Append the whole file; ERR_CORRUPT above the buffer's limit. */
MUST_CHECK int file_read(const char *path, struct buf *, struct err *);

/* All n bytes, or an error that does not name the file. */
MUST_CHECK int file_write_all(int fd, const void *, size_t n, struct err *);

/* The same of what stands there.  ERR_CORRUPT: the file ends before. */
MUST_CHECK int file_read_at(int fd, uint64_t off, void *, size_t n,
    struct err *);

/* Bytes that an unprivileged process may still write where path lies. */
MUST_CHECK int file_room(const char *path, uint64_t *bytes, struct err *);

/* A file of our own, mode 0600, under dir, that has no name any more. */
MUST_CHECK int file_scratch(const char *dir, int *fd, struct err *);

/* fsync the folder that path lies in. */
MUST_CHECK int file_sync_parent(const char *path, struct err *);

#endif
