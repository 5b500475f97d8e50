/*
 * database_kit.h - a component of a database whose programs are faketools, with
 * a scratch folder and what its backup gave.
 */
#ifndef LIB_DATABASE_KIT_H
#define LIB_DATABASE_KIT_H

#include "component/component.h"
#include "fake_saver.h"

struct database_kit {
	struct config_component cfg; /* of database "ml", on h:1 and h:2 */
	struct component *c;
	struct fake_saver saver;
	struct err err;
	char scratch[64];
};

struct database_kit_tool {
	const char *name, *body;
};

/* tools ends with a NULL name. */
void database_kit_begin(struct database_kit *, enum config_type,
    const struct database_kit_tool *tools);
/* Fails where a test left a file in the scratch folder. */
void database_kit_end(struct database_kit *);
/* After a change of cfg. */
void database_kit_open(struct database_kit *);
int database_kit_backup(struct database_kit *);
/* Files of the scratch folder, such as a safety dump. */
void database_kit_tidy(struct database_kit *);
/*
 * Back up, restore, and run the command that leads back.  What it called: the
 * caller frees it.
 */
char *database_kit_way_back(struct database_kit *);

#endif
