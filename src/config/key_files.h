/* key_files.h - keys of an S3 server that stand in files: read again when the
 * server no longer takes them (s3_options.reload). */
#ifndef CONFIG_KEY_FILES_H
#define CONFIG_KEY_FILES_H

struct s3_options;
struct tree;

/* map: what the options were decoded from; it outlives them. */
void key_files_watch(const struct tree *map, struct s3_options *);

#endif
