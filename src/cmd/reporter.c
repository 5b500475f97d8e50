#include "cmd/reporter.h"

#include <stdio.h>
#include <string.h>

#include "cmd/console.h"
#include "juju/hooktool.h"

enum { SPARSE_MS = 30000, LINE_SIZE = 256 };

/* Words that cannot be delivered are no reason to stop. */
static void
show(const struct reporter *r)
{
	struct err unheard = { 0 };
	char text[LINE_SIZE];

	(void)snprintf(text, sizeof text, "%s: %s", r->doing, r->component);
	if (hooktool_status_set(HOOKTOOL_MAINTENANCE, text, &unheard))
		return;
}

static void
say(const struct progress_state *p)
{
	struct err unheard = { 0 };
	char line[LINE_SIZE];

	console_line(p, line, sizeof line);
	if (hooktool_action_log(line, &unheard))
		return;
}

static void
tell(void *ctx, const struct progress_state *p)
{
	struct reporter *r = ctx;
	int64_t now = clock_mono_ms(r->clock);

	if (strcmp(r->component, p->component) != 0) {
		(void)snprintf(r->component, sizeof r->component, "%s",
		    p->component);
		r->told_ms = now;
		show(r);
	}
	if (!p->last && now - r->told_ms < SPARSE_MS)
		return;
	r->told_ms = now;
	say(p);
}

void
reporter_init(struct reporter *r, const char *doing, const struct clock *clock)
{
	*r = (struct reporter){
		.doing = doing,
		.clock = clock,
		.progress = { .tell = tell, .ctx = r },
	};
}
