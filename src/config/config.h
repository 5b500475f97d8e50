/*
 * config.h - what is to be saved and where, as one struct.
 *
 * It is read from a tree (base/tree.h): a YAML file gives one, Juju's options
 * and relation data another.  Every string is borrowed from the tree, which
 * the config owns and wipes, as it does the keys.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/timetable.h"
#include "crypto/age_keys.h"
#include "kube/kube.h"
#include "s3/s3.h"

struct rate;
struct tree;

enum config_type {
	CONFIG_SQLITE,
	CONFIG_BUCKET,
	CONFIG_MYSQL, /* and MariaDB */
	CONFIG_POSTGRESQL,
	CONFIG_KUBERNETES
};

/* In another pod of the cluster. */
struct config_pod {
	bool wanted;
	const char *namespace;         /* NULL: the account's */
	const char *application, *pod; /* one of them */
	bool optional; /* nothing to save where there is no such application */
	const char *container; /* NULL: the first that is not Juju's */
};

struct config_sqlite {
	const char *path; /* in the pod, where one is wanted */
	struct config_pod pod;
	const char *owner,
	    *group;    /* of a file that restore makes; NULL: folder's */
	uint32_t mode; /* 0: folder's */
	uint64_t busy_timeout_s; /* wait for a lock; default 60 */
};

struct config_bucket {
	struct s3_options s3;
	const char *prefix; /* only keys that begin so; NULL: all */
};

enum config_tls { CONFIG_TLS_AUTO, CONFIG_TLS_ON, CONFIG_TLS_OFF };

/* May the unit that takes the writes be the one that is read? */
enum config_replica {
	CONFIG_REPLICA_PREFERRED, /* where no other can be read */
	CONFIG_REPLICA_REQUIRED,  /* never */
	CONFIG_REPLICA_ANY        /* as well as any other */
};

enum { CONFIG_REPLICAS_MAX = 16 };

/* mysql and postgresql; an address is host, host:port or [v6]:port */
struct config_database {
	const char *primary;
	const char *replicas[CONFIG_REPLICAS_MAX]; /* the rest NULL */
	const char *database, *username;
	const char *password;     /* NULL: none */
	const char *tls_ca_chain; /* PEM; NULL: none */
	enum config_tls tls;
	enum config_replica replica;
	bool safety_dump;
	uint64_t max_lag_s;
	struct rate *receive, *send; /* not read from the tree; NULL: no limit
	                              */
};

enum config_cluster {
	CONFIG_CLUSTER_AUTO,
	CONFIG_CLUSTER_ON,
	CONFIG_CLUSTER_OFF
};

/* Objects of a cluster, chosen as velero_backup_config says.  Lists: NULL
 * includes all, excludes none. */
struct config_kubernetes {
	const struct tree *include_namespaces, *exclude_namespaces;
	const struct tree *include_resources, *exclude_resources;
	const struct tree *labels;   /* a map, or a text; NULL: all */
	enum config_cluster cluster; /* those that are in no namespace */
	bool plain_secrets;
	bool encrypted; /* the repository is */
};

enum { CONFIG_PAUSE_MAX = 16 };

struct config_component {
	const char *name;
	enum config_type type;
	/* Workloads of a cluster that stand still while it is restored: NAME
	 * or NAMESPACE/NAME of a Deployment or StatefulSet. */
	const char *pause[CONFIG_PAUSE_MAX];
	size_t npause;
	const struct kube_options *kube; /* the configuration's 'kubernetes' */
	union {
		struct config_sqlite sqlite;
		struct config_bucket bucket;
		struct config_database database;
		struct config_kubernetes kubernetes;
	};
	/* A server that drills may load a dump into; primary NULL: none.
	 * database: where others are made from. */
	struct config_database drill;
};

struct config_repository {
	const char *path; /* a local folder; NULL: s3 */
	struct s3_options s3;
	const char *s3_path;
	bool create;      /* make the bucket or folder; default true */
	const char *name; /* several platforms share one bucket and path */
	/* Of 'encryption'; without recipients only for reading. */
	struct age_keys keys;
	struct tree *encryption;    /* where it was written; NULL: nowhere */
	bool plain;                 /* "none": in the clear, and wanted so */
	const char *state;          /* folder for copies; NULL: below scratch */
	uint64_t delete_older_days; /* as s3-integrator gives it; 0: not */
};

/* Which sets prune leaves; 0: no such rule. */
struct config_retention {
	uint64_t last, hourly, daily, weekly, monthly, yearly; /* sets */
	uint64_t within;                                       /* seconds */
	uint64_t older_days; /* the same in days */
	uint64_t grace; /* seconds between mark and removal; default a day */
};
bool config_retention_any(const struct config_retention *);

struct config_limits {
	struct timetable bandwidth; /* bytes a second */
	bool limited;               /* it is, at some time of the week */
	uint64_t transfers, memory;
};

struct config {
	struct tree *tree;
	struct config_repository repository;
	struct config_component *components;
	size_t ncomponents;  /* may be 0: sets can still be listed */
	const char *scratch; /* folder for private copies */
	struct config_retention retention;
	bool retention_given; /* be it without a rule */
	struct config_limits limits;
	/* Of 'kubernetes': the one cluster that components and 'pause' mean;
	 * nothing given: as kube.h finds it.  Rates and clock: not of the tree.
	 */
	struct kube_options kubernetes;
};

/*
 * Owns the tree from here on, also on failure.  ERR_USAGE names origin, line
 * and field of: an unknown key, a wrong type, a missing field, a name twice.
 */
MUST_CHECK int config_decode(struct tree *, struct config **, struct err *);
MUST_CHECK int config_load(const char *path, struct config **, struct err *);
void config_free(struct config *);

const char *config_type_name(enum config_type);

static inline void
scope_config(struct config **c)
{
	config_free(*c);
}

#endif
