#include "engine/limits.h"

#define MIB ((uint64_t)1 << 20)
#define KIB ((uint64_t)1 << 10)

/*
 * Measured as resident memory (VmHWM) on Debian 12, and rounded up: 15 MiB with
 * libcurl, OpenSSL, SQLite and the rest before anything is done, 1.5 with the
 * system's certificates for each of two servers, threads, a manifest.
 */
enum {
	BASE_MIB = 19,
	WALK_SAVE_KIB = 3584, /* a page of a listing, lines that wait */
	LANES_KIB = 5120,     /* three pages more, another reader */
	WALK_LOAD_KIB = 4096, /* the same, and tables of packs */
	/* a thread's stack, libcurl's buffers, TLS: to one server, to two */
	ONE_SIDE_KIB = 128,
	TWO_SIDES_KIB = 288,
	SHARE_SAVE = 8, /* of the memory, one such part is for transfers */
	SHARE_LOAD = 6,
	PART_LEAST_MIB = 5, /* S3 allows no smaller ones */
	PART_MOST_MIB = 8,
	SHARE_OF_PART = 12,
	FRAME_KIB = 1280, /* of a pack: before and after zstd, and zstd's own */
	ZSTD_KIB = 1536,  /* of a stream */
};

/* most: transfers that there is memory for. */
static void
common(const struct config_limits *c, uint64_t most, struct limits *l)
{
	uint64_t part = c->memory / SHARE_OF_PART / MIB;

	if (part < PART_LEAST_MIB)
		part = PART_LEAST_MIB;
	if (part > PART_MOST_MIB)
		part = PART_MOST_MIB;
	l->transfers = (unsigned)(c->transfers < most ? c->transfers : most);
	l->part = (size_t)(part * MIB);
	l->pack = l->part + FRAME_KIB * KIB;
	l->large = l->part + ZSTD_KIB * KIB;
	l->beside = l->part + l->each;
}

static uint64_t
rest(uint64_t memory, uint64_t taken)
{
	return memory > taken ? memory - taken : 0;
}

static void
read_ahead(const struct config_limits *c, struct limits *l)
{
	uint64_t room = rest(l->budget, l->large + l->transfers * l->each);

	if (c->limited)
		l->ahead = room < l->part ? (size_t)room : l->part;
	l->large += l->ahead;
}

void
limits_save(const struct config_limits *c, struct limits *l)
{
	uint64_t inventory;

	*l = (struct limits){ .each = ONE_SIDE_KIB * KIB };
	common(c, c->memory / SHARE_SAVE / l->each, l);
	l->lanes = LANES_KIB * KIB;
	inventory = l->part + ZSTD_KIB * KIB;
	l->budget = rest(c->memory,
	    BASE_MIB * MIB + WALK_SAVE_KIB * KIB + l->pack + inventory);
	read_ahead(c, l);
}

void
limits_load(const struct config_limits *c, struct limits *l)
{
	*l = (struct limits){ .each = TWO_SIDES_KIB * KIB };
	common(c, c->memory / SHARE_LOAD / l->each, l);
	l->budget = rest(c->memory, BASE_MIB * MIB + WALK_LOAD_KIB * KIB);
	read_ahead(c, l);
}

struct pool_size
limits_pool(const struct limits *l)
{
	return (struct pool_size){ .workers = l->transfers,
		.budget = l->budget,
		.each = l->each,
		.largest = l->large };
}
