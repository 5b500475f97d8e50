#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cmd/console.h"
#include "engine/progress.h"

struct heard {
	unsigned times;
	struct progress_state last;
};

static void
hear(void *ctx, const struct progress_state *s)
{
	struct heard *h = ctx;

	h->times++;
	h->last = *s;
}

static void
it_is_told_now_and_then_and_at_the_end(void **state)
{
	struct heard h = { 0 };
	struct progress to = { .tell = hear, .ctx = &h };
	struct progress_meter m;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(progress_start(&m, &to, "mlmd", &err), 0);
	progress_expect(&m, 10, 1000);
	progress_add(&m, 3, 300);
	clock_sleep_ms(clock_real(), 700);
	assert_true(progress_stop(&m) >= 0.7);
	assert_true(h.times >= 2);
	assert_true(h.last.last);
	assert_string_equal(h.last.component, "mlmd");
	assert_int_equal(h.last.objects, 3);
	assert_int_equal(h.last.bytes, 300);
	assert_int_equal(h.last.all_objects, 10);
	assert_int_equal(h.last.all_bytes, 1000);
}

static void
nobody_need_listen(void **state)
{
	struct progress_meter m;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(progress_start(&m, NULL, "mlmd", &err), 0);
	progress_add(&m, 1, 1);
	assert_true(progress_stop(&m) < 60);
}

static const struct {
	struct progress_state state;
	const char *line;
} lines[] = {
	{ { .component = "mlpipeline",
	      .objects = 500,
	      .bytes = 10 << 20,
	      .all_objects = 1000,
	      .all_bytes = 30 << 20,
	      .seconds = 10 },
	    "mlpipeline           500 of 1000 objects  10.0 MiB of 30.0 MiB  "
	    "1.0 MiB/s  20 s left" },
	{ { .component = "mlmd",
	      .objects = 1,
	      .bytes = 2048,
	      .seconds = 2,
	      .last = true },
	    "mlmd                 1 objects  2.0 KiB  1.0 KiB/s  2 s" },
	{ { .component = "b",
	      .bytes = 1 << 20,
	      .all_bytes = (uint64_t)9000 << 20,
	      .seconds = 1 },
	    "b                    0 objects  1.0 MiB of 8.8 GiB  1.0 MiB/s  2 h "
	    "29 min left" },
};

static void
the_line_has_counts_rate_and_time_left(void **state)
{
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		console_line(&lines[i].state, text, sizeof text);
		assert_string_equal(text, lines[i].line);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_told_now_and_then_and_at_the_end),
		cmocka_unit_test(nobody_need_listen),
		cmocka_unit_test(the_line_has_counts_rate_and_time_left),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
