/* kube_kit.h - a client of a scripted API server, by a kubeconfig in a folder
 * of its own, with a clock that only sleeping moves. */
#ifndef LIB_KUBE_KIT_H
#define LIB_KUBE_KIT_H

#include <stdint.h>

#include "base/clock.h"
#include "httpd.h"
#include "kube/kube.h"

enum { KUBE_KIT_NOW = 1795192080 }; /* Fri, 20 Nov 2026 16:28:00 GMT */

struct kube_kit {
	struct httpd *d;
	struct kube *k;
	char folder[64], config[80]; /* with token, ca.crt … */
	struct clock clock;
	int64_t ms;     /* passed by sleeping */
	unsigned slept; /* how often */
};

/* The token is "hush-hush", in the file "token" of the folder. */
void kube_kit_start(struct kube_kit *, const struct httpd_step *);
/* Folder and clock alone; then a client of the server there. */
void kube_kit_begin(struct kube_kit *);
void kube_kit_open(struct kube_kit *, const char *url);
/* Write text to the file of that name in the folder; mode 0700. */
void kube_kit_file(const struct kube_kit *, const char *name, const char *text);
/* Fails the test unless every step was met. */
void kube_kit_check(struct kube_kit *);
void kube_kit_stop(struct kube_kit *);

static inline void
scope_kube_kit(struct kube_kit *k)
{
	kube_kit_stop(k);
}

/* A Status, as the API server says it. */
#define KUBE_STATUS(reason, message)                             \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":" \
	"\"Failure\",\"message\":\"" message "\",\"reason\":\"" reason "\"}"

#endif
