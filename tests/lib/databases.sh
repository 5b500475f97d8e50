# shellcheck shell=bash disable=SC2034
# databases.sh - real SQL servers on loopback, for tests.
#
#   . tests/lib/databases.sh            (after servers.sh)
#   mariadb_start DIR [SQL]  1: primary, 2: replica, 3: replica that is an hour
#                         late; SQL makes what all three have
#   mariadb_alone DIR [OPTION...]  the primary alone
#   mariadb_sql DIR N     SQL on standard input, as root, on server N
#   postgresql_start DIR  1: primary, 2: standby
#   postgresql_sql DIR N [DATABASE]
#   database_stop DIR     end what was started there (by process id), rm DIR
#   database_writer DIR   a program of SQL that moves amounts for ever
#
# DIR/port1.txt and so on say where they are; DIR/ca.pem is their authority.

POSTGRESQL_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

database_port() {
	server_get "$1" "port$2"
}

database_stop() {
	server_stop "$1"
}

# end one of them as a power cut does
database_kill() {
	kill -KILL "$(cat "$1/server$2.pid")"
}

_database_wait() {
	local _
	for _ in $(seq 300); do
		"$@" <<<'select 1' >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}

# 2000 accounts in each of two tables, whose sum is 4,000,000, and ballast
database_bank() {
	python3 - "$1" <<-'PY'
	import random, sys
	rng = random.Random(1)
	own = " engine=InnoDB" if sys.argv[1] == "mysql" else ""
	for t in "ab":
	    print("create table acct_%s(id int primary key, amount int not null,"
	          " pad text)%s;" % (t, own))
	    for at in range(0, 2000, 200):
	        rows = ("(%d,1000,'%s')" % (i, "%0400x" % rng.getrandbits(1600))
	                for i in range(at, at + 200))
	        print("insert into acct_%s values %s;" % (t, ",".join(rows)))
	print("create table ballast(id int primary key, pad text)%s;" % own)
	for at in range(0, 6000, 200):
	    rows = ("(%d,'%s')" % (i, "%01000x" % rng.getrandbits(4000))
	            for i in range(at, at + 200))
	    print("insert into ballast values %s;" % ",".join(rows))
	PY
}

database_writer() {
	python3 -u -c '
import random, time
while True:
    n, i, j = (random.randrange(2000) for _ in range(3))
    print("begin; update acct_a set amount = amount - %d where id = %d; "
          "update acct_b set amount = amount + %d where id = %d; commit;"
          % (n, i, n, j))
    time.sleep(0.005)'
}

DATABASE_SUM='select (select sum(amount) from acct_a) + (select sum(amount) from acct_b)'

# --- MariaDB

mariadb_here() {
	command -v mariadbd mariadb-install-db mariadb mariadb-dump >/dev/null
}

_mariadb_server() {
	local d=$1 n=$2
	shift 2
	_server_spawn "$d" "server$n" mariadbd --no-defaults \
	    --user="$(id -un)" --datadir="$d/data$n" --socket="$d/socket$n" \
	    --port="$(database_port "$d" "$n")" --bind-address=127.0.0.1 \
	    --server-id="$n" --log-bin="$d/data$n/bin" --log-slave-updates \
	    --gtid-strict-mode=1 --skip-name-resolve --innodb-flush-log-at-trx-commit=2 \
	    --innodb-buffer-pool-size=32M --event-scheduler=ON \
	    --general-log=1 --general-log-file="$d/general$n.log" \
	    --ssl-ca="$d/ca.pem" --ssl-cert="$d/cert.pem" \
	    --ssl-key="$d/key.pem" "$@"
	_database_wait mariadb_sql "$d" "$n"
}

mariadb_sql() {
	mariadb --no-defaults -uroot -N -B -S "$1/socket$2" "${@:3}"
}

_mariadb_follow() {
	mariadb_sql "$1" "$2" <<-SQL
	change master to master_host='127.0.0.1', master_user='r',
	  master_port=$(database_port "$1" 1), master_password='r',
	  master_use_gtid=slave_pos, master_delay=${3:-0},
	  master_connect_retry=1;
	set global read_only=1;
	start slave;
	SQL
}

_mariadb_install() {
	local d=$1
	mkdir -p "$d" && chmod 755 "$d"
	_server_put "$d" kind mariadb
	server_certificate "$d"
	mariadb-install-db --no-defaults --datadir="$d/data1" \
	    --user="$(id -un)" --auth-root-authentication-method=normal \
	    --skip-test-db >"$d/install.log" 2>&1
}

mariadb_alone() {
	local d port
	d=$(readlink -m "$1")
	shift
	_mariadb_install "$d" || return 1
	port=$(_server_ports 1) || return 1
	_server_put "$d" port1 "$port"
	_mariadb_server "$d" 1 "$@"
}

mariadb_start() {
	local d n port
	d=$(readlink -m "$1")
	_mariadb_install "$d" || return 1
	port=$(_server_ports 3) || return 1
	cp -a "$d/data1" "$d/data2"
	cp -a "$d/data1" "$d/data3"
	for n in 1 2 3; do
		_server_put "$d" "port$n" $((port + n - 1))
		_mariadb_server "$d" "$n" || return 1
		mariadb_sql "$d" "$n" <<<"set sql_log_bin=0; ${2:-}" || return 1
	done
	mariadb_sql "$d" 1 <<-'SQL'
	create user r@'%' identified by 'r';
	grant replication slave on *.* to r@'%';
	SQL
	_mariadb_follow "$d" 2
	_mariadb_follow "$d" 3 3600
}

# --- PostgreSQL; its server refuses to run as root

_postgresql_as() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=postgres --regid=postgres --clear-groups \
		    env LC_ALL=C HOME=/ "$@"
	else
		"$@"
	fi
}

postgresql_here() {
	[ -x "$POSTGRESQL_BIN/postgres" ] && command -v pg_dump psql >/dev/null
}

postgresql_sql() {
	PGPASSWORD=$(server_get "$1" super) psql -X -q -A -t -w \
	    -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$(database_port "$1" "$2")" \
	    -U postgres -d "${3:-postgres}"
}

_postgresql_server() {
	local d=$1 n=$2
	if [ "$(id -u)" = 0 ]; then
		_server_spawn "$d" "server$n" setpriv --reuid=postgres \
		    --regid=postgres --clear-groups env LC_ALL=C \
		    "$POSTGRESQL_BIN/postgres" -D "$d/data$n" \
		    -p "$(database_port "$d" "$n")"
	else
		_server_spawn "$d" "server$n" "$POSTGRESQL_BIN/postgres" \
		    -D "$d/data$n" -p "$(database_port "$d" "$n")"
	fi
	_database_wait postgresql_sql "$d" "$n"
}

_postgresql_conf() {
	cat <<-CONF
	listen_addresses = '127.0.0.1'
	unix_socket_directories = '$1'
	max_wal_senders = 10
	fsync = off
	log_statement = all
	ssl = on
	ssl_cert_file = '$1/cert.pem'
	ssl_key_file = '$1/data-key.pem'
	CONF
}

postgresql_start() {
	local d port
	d=$(readlink -m "$1")
	mkdir -p "$d" && chmod 755 "$d"
	_server_put "$d" kind postgresql
	_server_put "$d" super "$(_server_word 20)"
	server_certificate "$d"
	port=$(_server_ports 2) || return 1
	_server_put "$d" port1 "$port"
	_server_put "$d" port2 $((port + 1))
	install -m 600 "$d/key.pem" "$d/data-key.pem"
	chmod 644 "$d/cert.pem" "$d/ca.pem" "$d/super.txt"
	[ "$(id -u)" != 0 ] || chown postgres "$d" "$d/data-key.pem"
	_postgresql_as "$POSTGRESQL_BIN/initdb" -D "$d/data1" -N -E UTF8 \
	    -A scram-sha-256 --pwfile="$d/super.txt" \
	    >"$d/install.log" 2>&1 || return 1
	_postgresql_conf "$d" >>"$d/data1/postgresql.conf"
	_postgresql_server "$d" 1 || return 1
	PGPASSWORD=$(server_get "$d" super) _postgresql_as \
	    "$POSTGRESQL_BIN/pg_basebackup" -h 127.0.0.1 -p "$port" \
	    -U postgres -D "$d/data2" -R -X stream -c fast || return 1
	_postgresql_server "$d" 2
}

# --- MySQL with group replication, unpacked into a root of its own: Debian 12
# has no package, so it comes from Debian's sid, with what it needs

# Into the cache where it is not there; the machine's own packages and apt's
# state are not touched.  MYSQL_ROOT names a ready one; MYSQL_ROOT=no: none.
mysql_fetch() {
	case ${MYSQL_ROOT:-} in
	no) return 1 ;;
	'') MYSQL_ROOT=$SERVERS_CACHE/mysql ;;
	esac
	[ -x "$MYSQL_ROOT/usr/sbin/mysqld" ] && return 0
	command -v apt-get >/dev/null && [ "$(uname -m)" = x86_64 ] || return 1
	mkdir -p "$SERVERS_CACHE" || return 1
	(
		flock 9
		[ -x "$MYSQL_ROOT/usr/sbin/mysqld" ] && exit 0
		_server_say "unpacking MySQL from Debian's sid into" \
		    "$MYSQL_ROOT; 80 MB, once"
		_mysql_unpack >"$SERVERS_CACHE/mysql.log" 2>&1 9>&- || {
			_server_say "MySQL could not be had; see" \
			    "$SERVERS_CACHE/mysql.log"
			exit 1
		}
	) 9>"$SERVERS_CACHE/mysql.lock"
}

_mysql_unpack() (
	set -e
	work=$(mktemp -d "$SERVERS_CACHE/mysql.XXXXXX")
	trap 'rm -rf -- "$work"' EXIT
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial" \
	    "$work/root"
	: >"$work/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
	    "http://deb.debian.org/debian sid main" >"$work/sources.list"
	sid=(apt-get -o Dir::Etc::sourcelist="$work/sources.list"
	    -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$work/lists"
	    -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache"
	    -o Debug::NoLocking=1 -o APT::Install-Recommends=0
	    -o APT::Sandbox::User="$(id -un)")
	timeout 120 "${sid[@]}" update
	timeout 300 "${sid[@]}" install -y --download-only mysql-server \
	    mysql-client
	for package in "$work"/cache/archives/*.deb; do
		dpkg -x "$package" "$work/root"
	done
	rm -rf -- "$MYSQL_ROOT"
	mv "$work/root" "$MYSQL_ROOT"
)

_mysql_run() {
	local lib=$MYSQL_ROOT/usr/lib program=$1
	shift
	"$MYSQL_ROOT"/usr/lib64/ld-linux-x86-64.so.2 --library-path \
	    "$lib/x86_64-linux-gnu:$lib/x86_64-linux-gnu/mysql:$lib/mysql/private" \
	    "$program" "$@"
}

mysql_sql() {
	_mysql_run "$MYSQL_ROOT/usr/bin/mysql" --no-defaults -uroot -N -B \
	    -S "$1/socket$2" "${@:3}"
}

# mysql and mysqldump for PATH, in folder $1
mysql_programs() {
	local name
	mkdir -p "$1"
	for name in mysql mysqldump; do
		{
			printf '#!/bin/bash\nMYSQL_ROOT=%q\n' "$MYSQL_ROOT"
			declare -f _mysql_run
			printf '_mysql_run "$MYSQL_ROOT/usr/bin/%s" "$@"\n' "$name"
		} >"$1/$name"
		chmod +x "$1/$name"
	done
}

_mysql_group() {
	mysql_sql "$1" "$2" <<-SQL
	install plugin group_replication soname 'group_replication.so';
	set persist group_replication_group_name =
	  'aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa';
	set persist group_replication_local_address =
	  '127.0.0.1:$(server_get "$1" "group$2")';
	set persist group_replication_group_seeds =
	  '127.0.0.1:$(server_get "$1" group1),127.0.0.1:$(server_get "$1" group2)';
	set persist group_replication_recovery_get_public_key = ON;
	SQL
}

mysql_start() {
	local d n port share=$MYSQL_ROOT/usr/share/mysql
	local common=(--no-defaults --user="$(id -un)" --mysqlx=OFF
	    --basedir="$MYSQL_ROOT/usr" --lc-messages-dir="$share"
	    --character-sets-dir="$share/charsets" --secure-file-priv=
	    --plugin-dir="$MYSQL_ROOT/usr/lib/mysql/plugin")
	d=$(readlink -m "$1")
	mkdir -p "$d"
	_server_put "$d" kind mysql
	port=$(_server_ports 4) || return 1
	_mysql_run "$MYSQL_ROOT/usr/sbin/mysqld" "${common[@]}" \
	    --initialize-insecure --datadir="$d/data1" \
	    >"$d/install.log" 2>&1 || return 1
	cp -a "$d/data1" "$d/data2"
	rm -f "$d/data2/auto.cnf"
	for n in 1 2; do
		_server_put "$d" "port$n" $((port + n - 1))
		_server_put "$d" "group$n" $((port + n + 1))
		_server_spawn "$d" "server$n" bash -c "$(declare -f _mysql_run)
		    MYSQL_ROOT=\$1; shift; _mysql_run \"\$@\"" "$d/" \
		    "$MYSQL_ROOT" "$MYSQL_ROOT/usr/sbin/mysqld" "${common[@]}" \
		    --datadir="$d/data$n" --socket="$d/socket$n" \
		    --port=$((port + n - 1)) --bind-address=127.0.0.1 \
		    --server-id="$n" --gtid-mode=ON --log-bin=bin \
		    --enforce-gtid-consistency=ON --report-host=127.0.0.1 \
		    --pid-file="$d/server$n.pid" \
		    --innodb-buffer-pool-size=64M
		_database_wait mysql_sql "$d" "$n" || return 1
	done
	mysql_sql "$d" 1 <<<"create user r@'%' identified by 'r'; grant
	    replication slave, backup_admin, group_replication_stream on *.*
	    to r@'%'"
	_mysql_group "$d" 1
	_mysql_group "$d" 2
	mysql_sql "$d" 1 <<-'SQL'
	set global group_replication_bootstrap_group=ON;
	start group_replication;
	set global group_replication_bootstrap_group=OFF;
	SQL
	mysql_sql "$d" 2 <<-'SQL'
	change replication source to source_user='r', source_password='r'
	  for channel 'group_replication_recovery';
	start group_replication;
	SQL
}
