#!/usr/bin/env bash
# Whether `make deny` would tell: with a database of one advisory about a crate of Cargo.lock it must fail and name it, and with one about
# other versions of that crate it must not.
set -eu -o pipefail

crate=tokio
database=$(mktemp -d)
trap 'rm -rf "$database"' EXIT

# plant VERSIONS: the only advisory is about the crate in all versions but these.
plant() {
	mkdir -p "$database/crates/$crate"
	cat > "$database/crates/$crate/RUSTSEC-2026-9999.md" <<-ADVISORY
		\`\`\`toml
		[advisory]
		id = "RUSTSEC-2026-9999"
		package = "$crate"
		date = "2026-01-01"

		[versions]
		patched = ["$1"]
		\`\`\`

		# A planted advisory

		Nothing is wrong.
	ADVISORY
	git -C "$database" add --all
	git -C "$database" -c user.name=test -c user.email=test@localhost commit --quiet --message "planted"
}

git init --quiet --initial-branch main "$database"
plant '>= 9999.0.0'
if output=$(make --no-print-directory deny ADVISORY_DB="$database" 2>&1); then
	echo "make deny passes beside an advisory about $crate: $output" >&2
	exit 1
fi
if ! grep -q RUSTSEC-2026-9999 <<< "$output"; then
	echo "make deny fails and names no advisory: $output" >&2
	exit 1
fi
plant '>= 0.0.0'
make --no-print-directory deny ADVISORY_DB="$database"
