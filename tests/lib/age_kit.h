/* age_kit.h - keys that everybody knows, for tests, and files for them. */
#ifndef LIB_AGE_KIT_H
#define LIB_AGE_KIT_H

#include "base/buf.h"
#include "crypto/age_keys.h"

/* Of https://c2sp.org/age. */
#define AGE_KIT_IDENTITY                                                      \
	"AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFP" \
	"Q4EGAEX"
#define AGE_KIT_RECIPIENT \
	"age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
/* Another pair. */
#define AGE_KIT_OTHER_IDENTITY                                                \
	"AGE-SECRET-KEY-1WPYY0U6F2GDHJUQ65FK5JP9SVR6YZSYSDQRQFQN3EPWUQZHZN2H" \
	"QMQNT5L"
#define AGE_KIT_OTHER \
	"age1hv5zgew8rwgfmedhs6ju7rjg4psvsuwhzx2cas8h8uf6rt8slvts8tthcn"

/* recipients: texts, ending with NULL; identity: of one of them, or NULL. */
struct age_keys age_kit_keys(const char *const *recipients,
    const char *identity);
/* Of the first pair alone: that encrypts, that decrypts, that does both. */
struct age_keys age_kit_writer(void);
struct age_keys age_kit_reader(void);
struct age_keys age_kit_both(void);

/* The age file of a content for the first pair, and the content of a file. */
void age_kit_seal(const struct buf *content, struct buf *out);
void age_kit_open(const struct buf *file, struct buf *content);

/* Bytes that compress a little and never repeat exactly. */
void age_kit_fill(struct buf *, size_t n);

/* "hello, age", by the age program for both pairs. */
void age_kit_sample(struct buf *);

#endif
