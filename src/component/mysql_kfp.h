/*
 * mysql_kfp.h - what the rows of Kubeflow Pipelines' database refer to in its
 * object store: definitions of pipelines, roots of runs, artifacts.
 *
 * Source: kubeflow/pipelines, backend/src/apiserver/model and
 * resource/resource_manager.go, 1.8 to 2.15.
 */
#ifndef COMPONENT_MYSQL_KFP_H
#define COMPONENT_MYSQL_KFP_H

#include "component/mysql_client.h"
#include "stream/sink.h"

struct mysql_kfp_source {
	const struct mysql_tools *tools;
	const struct config_database *cfg;
	const struct database_unit *unit;
	const char *database;
};

struct mysql_kfp {
	/* Gets each reference as a URI. */
	int (*fn)(void *arg, const char *uri, struct err *);
	void *arg;
	/* results: */
	bool found;        /* it is a database of Kubeflow Pipelines */
	uint64_t count;    /* of references */
	uint64_t too_long; /* passed over: no key is so long */
};

/* Of another database nothing is read.  On failure, what was given until then
 * stays given. */
MUST_CHECK int mysql_kfp_read(const struct mysql_kfp_source *,
    struct mysql_kfp *, struct err *);

/*
 * Takes rows as the batch mode writes them: 'U' and a URI, 'K' and a key of
 * KFP's bucket, 'J' and a JSON list of such keys.
 */
MUST_CHECK int mysql_kfp_sink(struct mysql_kfp *, struct sink **, struct err *);

#endif
