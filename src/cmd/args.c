#include "cmd/args.h"

#include <assert.h>
#include <getopt.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"

struct entry {
	enum args_option option;
	const char *name;
	char letter;       /* '\0': none */
	const char *value; /* what help calls its value; NULL: takes none */
	const char *text;
};

static const struct entry entries[] = {
	{ ARGS_CONFIG, "config", 'c', "FILE",
	    "the configuration (default: /etc/platform-backup.yaml)" },
	{ ARGS_COMPONENT, "component", '\0', "NAME",
	    "only this component; may be given again" },
	{ ARGS_FULL, "full", '\0', NULL,
	    "read everything again, do not build on the set before" },
	{ ARGS_LABEL, "label", '\0', "TEXT", "words to find the set by" },
	{ ARGS_WORKER, "worker", '\0', "I/N",
	    "save the share of worker I, from 0, of N; see WORKERS in "
	    "platform-backup(8)" },
	{ ARGS_JOIN, "join", '\0', "N",
	    "make the set of what N workers have saved" },
	{ ARGS_RUN, "run", '\0', "NAME",
	    "what the workers of one set call it (default: "
	    "$PLATFORM_BACKUP_RUN)" },
	{ ARGS_WAIT, "wait", '\0', "TIME",
	    "for other workers, such as 90s, 15m, 2h (default: 15m, --join: "
	    "0)" },
	{ ARGS_EXACT, "exact", '\0', NULL,
	    "also remove objects that are not in the set" },
	{ ARGS_DRY_RUN, "dry-run", '\0', NULL,
	    "say what would be done, change nothing" },
	{ ARGS_READ, "read", '\0', "[SHARE%]",
	    "read every byte, or this share, which goes on where the last one "
	    "of the set ended" },
	{ ARGS_ALL, "all", '\0', NULL, "all finished sets" },
	{ ARGS_NOW, "now", '\0', NULL,
	    "remove files at once, without the grace period" },
	{ ARGS_ALLOW, "allow", '\0', "WHAT",
	    "delete although: clock, future, half, last; may be given again" },
	{ ARGS_JSON, "json", '\0', NULL, "print the result as JSON" },
	{ ARGS_TO, "to", '\0', "NAME=TARGET",
	    "restore this component to another file or bucket, and only those "
	    "that are named" },
	{ ARGS_INCLUDE_NAMESPACES, "include-namespaces", '\0', "NAMES",
	    "of a cluster's objects: only those in these namespaces, with "
	    "commas between them" },
	{ ARGS_EXCLUDE_NAMESPACES, "exclude-namespaces", '\0', "NAMES",
	    "not those in these namespaces" },
	{ ARGS_INCLUDE_RESOURCES, "include-resources", '\0', "NAMES",
	    "only these resources, such as configmaps,profiles.kubeflow.org" },
	{ ARGS_EXCLUDE_RESOURCES, "exclude-resources", '\0', "NAMES",
	    "not these resources" },
	{ ARGS_SELECTOR, "selector", '\0', "LABELS",
	    "only those with all of these labels: a=b,c=d" },
	{ ARGS_OR_SELECTOR, "or-selector", '\0', "LABELS",
	    "only those with one of these sets of labels: a=b or c=d" },
	{ ARGS_MAPPING, "namespace-mapping", '\0', "OLD:NEW",
	    "into another namespace; several with commas" },
	{ ARGS_POLICY, "existing-resource-policy", '\0', "POLICY",
	    "objects that are there already: none (they stay, the default) or "
	    "update" },
	{ ARGS_OUTPUT, "output", 'o', "FILE",
	    "write to a new file, of mode 0600" },
	{ ARGS_VERBOSE, "verbose", 'v', NULL, "say more" },
	{ ARGS_QUIET, "quiet", 'q', NULL, "say only what went wrong" },
	{ ARGS_HELP, "help", 'h', NULL, "print this" },
	{ ARGS_VERSION, "version", '\0', NULL, "print the version" },
};

enum { ENTRIES = sizeof entries / sizeof *entries, LONG_BASE = 256 };

/* Where the text of an option goes that has no more to it. */
static const char **
text_of(struct args *a, enum args_option option)
{
	const struct {
		enum args_option option;
		const char **to;
	} text[] = {
		{ ARGS_CONFIG, &a->config },
		{ ARGS_LABEL, &a->label },
		{ ARGS_OUTPUT, &a->output },
		{ ARGS_WORKER, &a->worker },
		{ ARGS_JOIN, &a->join },
		{ ARGS_RUN, &a->run },
		{ ARGS_WAIT, &a->wait },
		{ ARGS_INCLUDE_NAMESPACES, &a->kubernetes.include_namespaces },
		{ ARGS_EXCLUDE_NAMESPACES, &a->kubernetes.exclude_namespaces },
		{ ARGS_INCLUDE_RESOURCES, &a->kubernetes.include_resources },
		{ ARGS_EXCLUDE_RESOURCES, &a->kubernetes.exclude_resources },
		{ ARGS_SELECTOR, &a->kubernetes.selector },
		{ ARGS_OR_SELECTOR, &a->kubernetes.or_selector },
		{ ARGS_MAPPING, &a->kubernetes.mapping },
		{ ARGS_POLICY, &a->kubernetes.policy },
	};

	for (size_t i = 0; i < sizeof text / sizeof *text; i++)
		if (text[i].option == option)
			return text[i].to;
	return NULL;
}

static bool *
flag_of(struct args *a, enum args_option option)
{
	const struct {
		enum args_option option;
		bool *to;
	} flag[] = {
		{ ARGS_FULL, &a->full },
		{ ARGS_EXACT, &a->exact },
		{ ARGS_DRY_RUN, &a->dry_run },
		{ ARGS_ALL, &a->all },
		{ ARGS_NOW, &a->now },
		{ ARGS_JSON, &a->json },
		{ ARGS_VERBOSE, &a->verbose },
		{ ARGS_QUIET, &a->quiet },
	};

	for (size_t i = 0; i < sizeof flag / sizeof *flag; i++)
		if (flag[i].option == option)
			return flag[i].to;
	return NULL;
}

static void
set_value(struct args *a, enum args_option option, const char *value)
{
	const char **text = text_of(a, option);
	bool *flag = flag_of(a, option);

	a->given |= option;
	if (text)
		*text = value;
	else if (flag)
		*flag = true;
	else if (option == ARGS_COMPONENT)
		a->components[a->ncomponents++] = value;
	else if (option == ARGS_TO)
		a->to[a->nto++] = value;
	else if (option == ARGS_ALLOW)
		a->allow[a->nallow++] = value;
	else if (option == ARGS_READ)
		a->read = value ? value : "all";
	else
		a->command = option == ARGS_HELP ? "help" : "version";
}

/* "[SHARE%]" may be left out. */
static int
has_arg(const struct entry *e)
{
	if (!e->value)
		return no_argument;
	return e->value[0] == '[' ? optional_argument : required_argument;
}

static void
fill_long(struct option out[ENTRIES + 1], char letters[2 * ENTRIES + 2])
{
	*letters++ = ':'; /* a missing value is told apart */
	for (int i = 0; i < ENTRIES; i++) {
		out[i] = (struct option){ .name = entries[i].name,
			.has_arg = has_arg(&entries[i]),
			.val = LONG_BASE + i };
		if (!entries[i].letter)
			continue;
		*letters++ = entries[i].letter;
		if (entries[i].value)
			*letters++ = ':';
	}
	out[ENTRIES] = (struct option){ 0 };
	*letters = '\0';
}

static int
entry_of(int got)
{
	if (got >= LONG_BASE)
		return got - LONG_BASE;
	for (int i = 0; i < ENTRIES; i++)
		if (entries[i].letter == got)
			return i;
	return -1;
}

/* A short option may stand in the middle of its word. */
static int
refuse(int got, char *const argv[], struct err *err)
{
	char letter[3] = { '-', (char)optopt, '\0' };
	const char *word =
	    optopt > 0 && optopt < LONG_BASE ? letter : argv[optind - 1];

	return got == ':'
	           ? err_set(err, ERR_USAGE, "option '%s' needs a value", word)
	           : err_set(err, ERR_USAGE,
	                 "unknown option '%s'; see 'platform-backup "
	                 "help'",
	                 word);
}

/* getopt wants "--read=10%"; "--read 10%" cannot mean anything else. */
static const char *
share_behind(const struct entry *e, int argc, char *const argv[])
{
	const char *word = optind < argc ? argv[optind] : NULL;
	size_t digits = word ? strspn(word, "0123456789") : 0;

	if (has_arg(e) != optional_argument || digits == 0 ||
	    strcmp(word + digits, "%") != 0)
		return NULL;
	optind++;
	return word;
}

static int
take_words(struct args *a, int argc, char *const argv[], struct err *err)
{
	if (a->command) /* by --help or --version: the rest does not matter */
		return 0;
	if (optind < argc)
		a->command = argv[optind++];
	if (optind < argc)
		a->id = argv[optind++];
	if (optind < argc)
		return err_set(err, ERR_USAGE, "a word too many: '%s'",
		    argv[optind]);
	return 0;
}

int
args_parse(int argc, char *const argv[], struct args *ret, struct err *err)
{
	AUTO(args) struct args a = { 0 };
	struct option options[ENTRIES + 1];
	char letters[2 * ENTRIES + 2];
	int got, i;

	a.components = calloc((size_t)argc + 1, sizeof *a.components);
	a.to = calloc((size_t)argc + 1, sizeof *a.to);
	a.allow = calloc((size_t)argc + 1, sizeof *a.allow);
	if (!a.components || !a.to || !a.allow)
		return err_nomem(err);
	fill_long(options, letters);
	optind = 0; /* from the beginning, also a second time */
	opterr = 0;
	while ((got = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		i = entry_of(got);
		if (i < 0)
			return refuse(got, argv, err);
		set_value(&a, entries[i].option,
		    optarg ? optarg : share_behind(&entries[i], argc, argv));
	}
	if (take_words(&a, argc, argv, err))
		return -1;
	*ret = a;
	a = (struct args){ 0 };
	return 0;
}

void
args_done(struct args *a)
{
	free(a->components);
	free(a->to);
	free(a->allow);
	*a = (struct args){ 0 };
}

const char *
args_name(unsigned which)
{
	size_t i = 0;

	while (!(which & entries[i].option)) {
		i++;
		assert(i < ENTRIES);
	}
	return entries[i].name;
}

int
args_describe(unsigned which, char **ret, struct err *err)
{
	AUTO(buf) struct buf b = { .max = 16 << 10 };

	for (size_t i = 0; i < ENTRIES; i++) {
		const struct entry *e = &entries[i];
		size_t began = b.len;

		if (!(which & e->option))
			continue;
		if (e->letter ? buf_printf(&b, err, "  -%c, ", e->letter)
		              : buf_puts(&b, "      ", err))
			return -1;
		if (buf_printf(&b, err, "--%s%s%s", e->name,
		        e->value ? " " : "", e->value ? e->value : "") ||
		    buf_printf(&b, err, "%*s %s\n",
		        b.len - began < 26 ? (int)(26 - (b.len - began)) : 0,
		        "", e->text))
			return -1;
	}
	*ret = TAKE(b.data);
	return *ret ? 0 : err_nomem(err);
}
