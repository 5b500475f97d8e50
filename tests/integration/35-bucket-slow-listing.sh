#!/usr/bin/env bash
# A server that takes long for a page of its listing is asked for several ranges
# of keys at once: the set is the same.
. "${0%/*}/../lib/harness.sh"
requires cc curl jq zstd

# the server of the benchmark: COUNT [CHANGED [MS]]
sea() {
	[ -x sea ] || cc -D_GNU_SOURCE -pthread -o sea "$TOP/tests/bench/sea.c"
	rm -f sea.out
	background sea ./sea "$@"
	within 10 test -s sea.out
	URL=$(cat sea.out)
	repository_dir "$T/repository"
	component_bucket sea sea "$URL"
}

counted() {
	curl -s "$URL/count" >count.json
	json count.json "$1"
}

inventory() {
	find repository -name 'sea.inventory*.zst' -exec zstd -dcq {} +
}

several_ranges() {
	mkdir repository
	sea 12000
	create
	counted '.get == 12000'
	inventory >first

	sea 12000 0 200
	create
	json created.json '.components[0].objects == 12000
	    and .components[0]."new-objects" == 0'
	# in one there are 12 pages, and one to see that it is there
	counted '.list == 14 and .get == 0'
	inventory >both
	cat first first >twice
	same twice both

	sea 12000 3000 200
	create
	json created.json '.components[0].objects == 12000
	    and .components[0]."new-objects" == 4'
	counted '.list == 14 and .get == 4'
	pb 0 verify --read "$ID"
}

it 'lists several ranges at once, with the same result' several_ranges
done_testing
