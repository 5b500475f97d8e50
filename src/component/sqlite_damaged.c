#include "component/sqlite_damaged.h"

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "component/sqlite_db.h"
#include "component/sqlite_raw.h"

int
sqlite_damaged_is(const char *path, const struct sqlite_raw *r, bool *ret,
    struct err *err)
{
	AUTO(sqlite_db) struct sqlite_db *db = NULL;
	struct sqlite_db_facts f;

	*ret = r->st.st_size > 0 && !r->is_database;
	if (r->st.st_size == 0 || *ret)
		return 0;
	if (sqlite_db_open(path, SQLITE_DB_PEEK, 0, &db, err) == 0 &&
	    sqlite_db_facts(db, &f, err) == 0)
		return 0;
	if (!err_is(err, ERR_CORRUPT))
		return -1;
	*ret = !r->has_journal && !r->has_wal;
	return 0;
}

int
sqlite_damaged_keep(const char *path, const char *kept, bool old, bool *moved,
    struct err *err)
{
	if (old && link(path, kept) && rename(path, kept))
		return err_sys(err, "cannot keep '%s' as '%s'", path, kept);
	if (sqlite_raw_move_aside(path, kept, moved, err) == 0 &&
	    file_sync_parent(path, err) == 0)
		return 0;
	/* where the old one still has its name it needs no other */
	if (old && access(path, F_OK) == 0)
		(void)unlink(kept);
	return -1;
}
