package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"entente"
)

// migrations are the schema's history, oldest first. A migration that has been released
// is never changed; a new one is appended. Each runs once, in one transaction. What is
// made from the contents, and can be made again, is the index: see [dialect.index].
//
// Design: docs/design/001-storage.md says why the keys are what they are.
func (d *dialect) migrations() [][]string {
	return [][]string{append([]string{
		`CREATE TABLE setting (name TEXT PRIMARY KEY, value {blob} NOT NULL)`,
		`CREATE TABLE series (name TEXT PRIMARY KEY, last BIGINT NOT NULL)`,

		`CREATE TABLE organisation (num {number}, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, home BIGINT NOT NULL)`,
		`CREATE TABLE account (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, organisation TEXT NOT NULL, service BIGINT NOT NULL,
			roles TEXT NOT NULL, disabled BIGINT NOT NULL, password TEXT NOT NULL, created BIGINT NOT NULL)`,
		`CREATE TABLE token (id TEXT PRIMARY KEY, account TEXT NOT NULL, hash {blob} NOT NULL UNIQUE, note TEXT NOT NULL,
			created BIGINT NOT NULL, expires BIGINT NOT NULL)`,
		`CREATE INDEX token_account ON token (account)`,

		`CREATE TABLE root (name TEXT PRIMARY KEY, place BIGINT NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL, max_content BIGINT NOT NULL)`,
		`CREATE TABLE collection (id TEXT PRIMARY KEY, feed BIGINT NOT NULL UNIQUE, root TEXT NOT NULL, name TEXT NOT NULL UNIQUE,
			alias TEXT NOT NULL, description TEXT NOT NULL, created BIGINT NOT NULL)`,
		`CREATE TABLE permission (account TEXT NOT NULL, collection TEXT NOT NULL, can_read BIGINT NOT NULL, can_write BIGINT NOT NULL,
			PRIMARY KEY (account, collection))`,
		`CREATE INDEX permission_collection ON permission (collection)`,

		// A content is the bytes of one version, once per digest. okey folds the object's id.
		`CREATE TABLE content (content {number}, okey BIGINT NOT NULL, micros BIGINT NOT NULL, rest TEXT NOT NULL,
			digest {blob} NOT NULL, id TEXT NOT NULL, spec BIGINT NOT NULL, stamp TEXT NOT NULL, body {blob} NOT NULL)`,
		`CREATE UNIQUE INDEX content_version ON content (okey, micros, rest, digest)`,

		// A feed is a sequence of lines; a collection's home feed is its accept log.
		`CREATE TABLE feed (feed {number}, head BIGINT NOT NULL, added BIGINT NOT NULL)`,
		`CREATE TABLE line (feed BIGINT NOT NULL, seq BIGINT NOT NULL, content BIGINT NOT NULL, source BIGINT NOT NULL, added BIGINT NOT NULL,
			type BIGINT NOT NULL, spec BIGINT NOT NULL, gone BIGINT NOT NULL, newer BIGINT NOT NULL, later BIGINT NOT NULL, rival BIGINT NOT NULL,
			PRIMARY KEY (feed, seq)) {clustered}`,
		`CREATE UNIQUE INDEX line_added ON line (feed, added)`,
		`CREATE INDEX line_content ON line (content, feed)`,
		`CREATE INDEX line_type ON line (feed, type, seq)`,
		// Feeds whose collection was removed, until their lines and contents are swept.
		`CREATE TABLE sweep (feed {number})`,

		`CREATE TABLE status (id TEXT PRIMARY KEY, account TEXT NOT NULL, root TEXT NOT NULL, requested BIGINT NOT NULL, body {blob} NOT NULL)`,
		`CREATE INDEX status_requested ON status (requested)`,

		// A follower reads a feed and remembers how far it came. A lease lets one process at a time do a job.
		`CREATE TABLE follower (name TEXT NOT NULL, feed BIGINT NOT NULL, seq BIGINT NOT NULL, PRIMARY KEY (name, feed))`,
		`CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, expires BIGINT NOT NULL)`,
	}, d.searchSchema...), {
		// A remote is what is pulled from or pushed to another server; secret is what signs in there.
		`CREATE TABLE remote (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, collection TEXT NOT NULL,
			about {blob} NOT NULL, secret {blob} NOT NULL, progress {blob} NOT NULL, created BIGINT NOT NULL)`,
	}, {
		// Observable values by key. The follower that fills it begins anew, for what is there already.
		`CREATE TABLE value (vkey BIGINT NOT NULL, content BIGINT NOT NULL, PRIMARY KEY (vkey, content)) {clustered}`,
		`CREATE INDEX value_content ON value (content)`,
		`DELETE FROM follower WHERE name = 'search'`,
	}, d.indexApart, {
		// Settings of API roots. An alias is unique within its root, and beyond it need not be.
		`ALTER TABLE root ADD COLUMN page_max BIGINT NOT NULL DEFAULT 0`,
		`ALTER TABLE root ADD COLUMN read_only BIGINT NOT NULL DEFAULT 0`,
		`CREATE UNIQUE INDEX collection_alias ON collection (root, alias) WHERE alias <> ''`,
	}, {
		// Client certificates; pin is the SHA-256 of the key.
		`CREATE TABLE certificate (id TEXT PRIMARY KEY, account TEXT NOT NULL, pin {blob} NOT NULL UNIQUE, subject TEXT NOT NULL,
			note TEXT NOT NULL, created BIGINT NOT NULL, expires BIGINT NOT NULL)`,
		`CREATE INDEX certificate_account ON certificate (account)`,
	}, d.indexAnew, {
		// Partners, roles for a time, conflicts, stops. Numbers of organisations become a series; home had 1.
		`ALTER TABLE organisation ADD COLUMN contact TEXT NOT NULL DEFAULT ''`,
		`ALTER TABLE organisation ADD COLUMN created BIGINT NOT NULL DEFAULT 0`,
		`INSERT INTO series (name, last) SELECT 'organisation', 1 FROM organisation WHERE home = 1`,
		`CREATE TABLE own_identity (id TEXT PRIMARY KEY, organisation TEXT NOT NULL)`,
		`CREATE TABLE mandate (id TEXT PRIMARY KEY, account TEXT NOT NULL, role TEXT NOT NULL, begins BIGINT NOT NULL, ends BIGINT NOT NULL,
			given_by TEXT NOT NULL, given BIGINT NOT NULL, ended_by TEXT NOT NULL, ended BIGINT NOT NULL)`,
		`CREATE INDEX mandate_account ON mandate (account)`,
		`INSERT INTO mandate (id, account, role, begins, ends, given_by, given, ended_by, ended)
			SELECT id || '/operator', id, 'operator', created, 0, '', created, '', 0 FROM account WHERE roles = 'operator'`,
		`ALTER TABLE account DROP COLUMN roles`,
		`CREATE TABLE interest (id TEXT PRIMARY KEY, account TEXT NOT NULL, about TEXT NOT NULL, reason TEXT NOT NULL,
			declared_by TEXT NOT NULL, declared BIGINT NOT NULL, ended_by TEXT NOT NULL, ended BIGINT NOT NULL)`,
		`CREATE INDEX interest_account ON interest (account)`,
		`CREATE TABLE stop (id TEXT PRIMARY KEY, organisation TEXT NOT NULL, reason TEXT NOT NULL, basis TEXT NOT NULL,
			placed_by TEXT NOT NULL, placed BIGINT NOT NULL, ratified_by TEXT NOT NULL, ratified BIGINT NOT NULL, review BIGINT NOT NULL,
			lift_by TEXT NOT NULL, lift_asked BIGINT NOT NULL, lift_reason TEXT NOT NULL, lift_backlog TEXT NOT NULL,
			lifted_by TEXT NOT NULL, lifted BIGINT NOT NULL)`,
		`CREATE INDEX stop_organisation ON stop (organisation)`,
	}, {
		// Who submitted each batch of an accept log, and through which agreement (0: none): up to
		// the position last, from that of the row before.
		`CREATE TABLE submission (feed BIGINT NOT NULL, last BIGINT NOT NULL, account TEXT NOT NULL, via BIGINT NOT NULL, PRIMARY KEY (feed, last)) {clustered}`,
		// What left an accept log, in the order in which it did.
		`CREATE INDEX line_gone ON line (feed, gone) WHERE gone <> 0`,
		// Lines of accept logs that came into view again, and the lines in whose place.
		`CREATE TABLE moved (feed BIGINT NOT NULL, seq BIGINT NOT NULL, before BIGINT NOT NULL, PRIMARY KEY (feed, seq)) {clustered}`,
		// Lines of release feeds that carry stamped copies, with the content as it was submitted.
		`CREATE TABLE stamped (feed BIGINT NOT NULL, seq BIGINT NOT NULL, content BIGINT NOT NULL, original BIGINT NOT NULL, PRIMARY KEY (feed, seq)) {clustered}`,
		`CREATE INDEX stamped_original ON stamped (original, feed)`,
		`CREATE INDEX stamped_content ON stamped (content, feed)`,
		// Dissent: content (an opinion or note) is about the object of that okey.
		`CREATE TABLE dissent (okey BIGINT NOT NULL, content BIGINT NOT NULL, about TEXT NOT NULL, object TEXT NOT NULL, PRIMARY KEY (okey, content)) {clustered}`,
		`ALTER TABLE collection ADD COLUMN floor BIGINT NOT NULL DEFAULT 0`,

		`CREATE TABLE agreement (num {number}, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL, terms BIGINT NOT NULL,
			closed BIGINT NOT NULL, work {blob} NOT NULL, created BIGINT NOT NULL)`,
		// The versions of an agreement's terms: canonical JSON, its hash, and the file as it was given.
		`CREATE TABLE terms (agreement BIGINT NOT NULL, version BIGINT NOT NULL, hash {blob} NOT NULL, body {blob} NOT NULL, source {blob} NOT NULL,
			made BIGINT NOT NULL, PRIMARY KEY (agreement, version))`,
		`CREATE TABLE member (organisation TEXT NOT NULL, agreement BIGINT NOT NULL, PRIMARY KEY (organisation, agreement))`,
		`CREATE TABLE step (agreement BIGINT NOT NULL, step BIGINT NOT NULL, body {blob} NOT NULL, PRIMARY KEY (agreement, step))`,
		// A release feed: lines of its own number; tail is its last line, beyond the head while a
		// change is staged; seen how far it has judged the collection's accept log.
		`CREATE TABLE release_feed (feed {number}, agreement BIGINT NOT NULL, collection TEXT NOT NULL, id TEXT NOT NULL UNIQUE, tail BIGINT NOT NULL,
			seen BIGINT NOT NULL, skips {blob} NOT NULL, UNIQUE (agreement, collection))`,
		`CREATE INDEX release_feed_collection ON release_feed (collection)`,
		// What waits in a release feed: a line of the accept log, and why. awaits has the objects
		// that it waits for.
		`CREATE TABLE pending (feed BIGINT NOT NULL, seq BIGINT NOT NULL, agreement BIGINT NOT NULL, content BIGINT NOT NULL, okey BIGINT NOT NULL,
			reason BIGINT NOT NULL, since BIGINT NOT NULL, PRIMARY KEY (feed, seq)) {clustered}`,
		`CREATE INDEX pending_okey ON pending (agreement, okey)`,
		`CREATE INDEX pending_reason ON pending (agreement, reason)`,
		`CREATE TABLE awaits (agreement BIGINT NOT NULL, okey BIGINT NOT NULL, feed BIGINT NOT NULL, seq BIGINT NOT NULL,
			PRIMARY KEY (agreement, okey, feed, seq)) {clustered}`,
		`CREATE INDEX awaits_line ON awaits (feed, seq)`,
		// Objects that an agreement has to judge again, since decisions about them were taken.
		// mark tells one reason from a later one; due is when.
		`CREATE TABLE touched (agreement BIGINT NOT NULL, object TEXT NOT NULL, mark TEXT NOT NULL, due BIGINT NOT NULL, PRIMARY KEY (agreement, object))`,

		`CREATE TABLE decision (id TEXT PRIMARY KEY, agreement BIGINT NOT NULL, okey BIGINT NOT NULL, object TEXT NOT NULL, digest {blob} NOT NULL,
			action BIGINT NOT NULL, account TEXT NOT NULL, role TEXT NOT NULL, made BIGINT NOT NULL, text TEXT NOT NULL)`,
		`CREATE INDEX decision_object ON decision (agreement, okey)`,
		`CREATE TABLE restriction (id TEXT PRIMARY KEY, okey BIGINT NOT NULL, object TEXT NOT NULL, lifted BIGINT NOT NULL, body {blob} NOT NULL)`,
		`CREATE INDEX restriction_object ON restriction (okey)`,
		`CREATE TABLE consent (id TEXT PRIMARY KEY, okey BIGINT NOT NULL, object TEXT NOT NULL, agreement TEXT NOT NULL, body {blob} NOT NULL)`,
		`CREATE INDEX consent_object ON consent (okey)`,
		`CREATE TABLE standing (id TEXT PRIMARY KEY, agreement TEXT NOT NULL, body {blob} NOT NULL)`,
		`CREATE INDEX standing_agreement ON standing (agreement)`,
	}, {
		// What stops left out of release feeds: from one head to another, ends 0 while a stop stands.
		`CREATE TABLE stop_gap (organisation TEXT NOT NULL, feed BIGINT NOT NULL, stop TEXT NOT NULL, begins BIGINT NOT NULL, ends BIGINT NOT NULL,
			PRIMARY KEY (organisation, feed, stop)) {clustered}`,
	}, {
		`CREATE INDEX dissent_content ON dissent (content)`,
		// Dissent that its own organisation has struck; okey folds the id of the opinion or note.
		`CREATE TABLE strike (id TEXT PRIMARY KEY, okey BIGINT NOT NULL, object TEXT NOT NULL, organisation TEXT NOT NULL, body {blob} NOT NULL,
			UNIQUE (object, organisation))`,
		`CREATE INDEX strike_object ON strike (okey)`,
	}, {
		// Counts the decisions about objects in an agreement: what was judged before the last of
		// them is not written.
		`ALTER TABLE agreement ADD COLUMN touches BIGINT NOT NULL DEFAULT 0`,
		// When entries left a release feed: its position then, and the time in microseconds.
		`CREATE TABLE departure (feed BIGINT NOT NULL, seq BIGINT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (feed, seq)) {clustered}`,
		`CREATE INDEX decision_action ON decision (action)`,
	}, append([]string{
		// What commitments to contents hide them with.
		`ALTER TABLE content ADD COLUMN salt {blob} NOT NULL DEFAULT {empty}`,
		`UPDATE content SET salt = {random}`,
		// Events that wait to be entered into the ledger, written with their effect. organisation is
		// the partner in whose log they go, '' for the main log.
		`CREATE TABLE event_out (at BIGINT NOT NULL, id {blob} NOT NULL, organisation TEXT NOT NULL, kind TEXT NOT NULL, salt {blob} NOT NULL,
			body {blob} NOT NULL, PRIMARY KEY (at, id)) {clustered}`,
		// The logs of each epoch, with their last checkpoint; the keys that sign these; entries; the
		// hashes of the trees, as tiles.
		`CREATE TABLE ledger_log (num {number}, epoch BIGINT NOT NULL, organisation TEXT NOT NULL, size BIGINT NOT NULL, root {blob} NOT NULL,
			note {blob} NOT NULL, UNIQUE (epoch, organisation))`,
		`CREATE TABLE ledger_key (epoch BIGINT NOT NULL, generation BIGINT NOT NULL, seed {blob} NOT NULL, size BIGINT NOT NULL, endorsed {blob} NOT NULL,
			PRIMARY KEY (epoch, generation))`,
		`CREATE TABLE ledger_entry (log BIGINT NOT NULL, idx BIGINT NOT NULL, id {blob} NOT NULL, at BIGINT NOT NULL, kind TEXT NOT NULL,
			entry {blob} NOT NULL, salt {blob} NOT NULL, body {blob} NOT NULL, PRIMARY KEY (log, idx)) {clustered}`,
		`CREATE UNIQUE INDEX ledger_entry_id ON ledger_entry (id)`,
		`CREATE TABLE ledger_tile (log BIGINT NOT NULL, level BIGINT NOT NULL, idx BIGINT NOT NULL, hashes {blob} NOT NULL,
			PRIMARY KEY (log, level, idx)) {clustered}`,
		// What was served to an organisation for the first time: positions of a feed, and by which
		// entry of its log.
		`CREATE TABLE ledger_served (organisation TEXT NOT NULL, feed TEXT NOT NULL, seq BIGINT NOT NULL, last BIGINT NOT NULL, at BIGINT NOT NULL,
			log BIGINT NOT NULL, idx BIGINT NOT NULL, PRIMARY KEY (organisation, feed, seq)) {clustered}`,
	}, d.inboxSchema...), {
		// Objects that are preserved under a case; okey folds the object's id.
		`CREATE TABLE preserved (id TEXT PRIMARY KEY, reference TEXT NOT NULL, okey BIGINT NOT NULL, object TEXT NOT NULL, lifted BIGINT NOT NULL, body {blob} NOT NULL)`,
		`CREATE INDEX preserved_object ON preserved (okey)`,
		`CREATE INDEX preserved_reference ON preserved (reference)`,
		// Objects that are preserved no more, until it is looked whether any line carries their contents.
		`CREATE TABLE unpreserved (object TEXT PRIMARY KEY)`,
		// Erasures, and the contents that confirmed ones are about; removed is when the bytes went,
		// said what somebody who submitted them again said of their versioning.
		`CREATE TABLE erasure (id TEXT PRIMARY KEY, okey BIGINT NOT NULL, object TEXT NOT NULL, confirmed BIGINT NOT NULL, cleared BIGINT NOT NULL, body {blob} NOT NULL)`,
		`CREATE INDEX erasure_object ON erasure (okey)`,
		`CREATE TABLE erased (content {number}, erasure TEXT NOT NULL, removed BIGINT NOT NULL, said {blob} NOT NULL)`,
	}, {
		// The keys of logs that this node witnesses, and the last checkpoint of each that it cosigned.
		`CREATE TABLE witness_key (vkey TEXT PRIMARY KEY, origin TEXT NOT NULL, added BIGINT NOT NULL)`,
		`CREATE INDEX witness_key_origin ON witness_key (origin)`,
		`CREATE TABLE witness_state (origin TEXT PRIMARY KEY, size BIGINT NOT NULL, root {blob} NOT NULL, at BIGINT NOT NULL)`,
		// Which witnesses have to cosign the main log ('') and partners' logs; what each has cosigned
		// last; the last checkpoint of each log that met its policy.
		`CREATE TABLE ledger_policy (organisation TEXT PRIMARY KEY, body {blob} NOT NULL)`,
		`CREATE TABLE ledger_cosigned (log BIGINT NOT NULL, witness TEXT NOT NULL, size BIGINT NOT NULL, lines {blob} NOT NULL,
			PRIMARY KEY (log, witness)) {clustered}`,
		`CREATE TABLE ledger_witnessed (log BIGINT PRIMARY KEY, size BIGINT NOT NULL, note {blob} NOT NULL, at BIGINT NOT NULL)`,
		// The keys with which partners acknowledge, and what they have acknowledged.
		`CREATE TABLE partner_key (organisation TEXT NOT NULL, vkey TEXT NOT NULL, added BIGINT NOT NULL, PRIMARY KEY (organisation, vkey)) {clustered}`,
		`CREATE TABLE ledger_ack (log BIGINT NOT NULL, size BIGINT NOT NULL, organisation TEXT NOT NULL, vkey TEXT NOT NULL, note {blob} NOT NULL,
			at BIGINT NOT NULL, PRIMARY KEY (log, size)) {clustered}`,
	}, append([]string{
		// The public halves of the keys stay when their secrets are lost.
		`ALTER TABLE ledger_key ADD COLUMN public {blob} NOT NULL DEFAULT {empty}`,
	}, d.markSchema...), {
		// What reviewers write and recommend, and what would shut them out and waits for a second
		// person: kind is note, recommendation or removal, about the id of the reviewer in the latter.
		`CREATE TABLE review (id TEXT PRIMARY KEY, kind TEXT NOT NULL, about TEXT NOT NULL, at BIGINT NOT NULL, body {blob} NOT NULL)`,
		`CREATE INDEX review_kind ON review (kind, about, at)`,
		// The keys with which people sign.
		`CREATE TABLE account_key (account TEXT PRIMARY KEY, pubkey {blob} NOT NULL, added BIGINT NOT NULL, added_by TEXT NOT NULL)`,
	}, {
		// What the ledger has of lines of release feeds whose content was erased since: the
		// commitment to what it was, which cannot be made again.
		`CREATE TABLE committed (feed BIGINT NOT NULL, seq BIGINT NOT NULL, commitment {blob} NOT NULL, PRIMARY KEY (feed, seq)) {clustered}`,
	}, {
		// Finds events by their time, and by that of the same act in other logs.
		`CREATE INDEX ledger_entry_at ON ledger_entry (at)`,
	}, {
		// Changes that were staged in release feeds and became visible: the lines beyond begins and
		// up to ends were added at base plus their position. What line.added has of them only
		// stands for that: see lineAdded.
		`CREATE TABLE flip (feed BIGINT NOT NULL, begins BIGINT NOT NULL, ends BIGINT NOT NULL, base BIGINT NOT NULL, PRIMARY KEY (feed, ends)) {clustered}`,
	}}
}

// markSchema makes the table with the one row of [LedgerMark].
const markSchema = `CREATE TABLE IF NOT EXISTS ledger_mark (one BIGINT PRIMARY KEY, epoch BIGINT NOT NULL, size BIGINT NOT NULL, root {blob} NOT NULL, fault TEXT NOT NULL)`

// inboxSchema makes the table of events whose only effect is an answer.
const inboxSchema = `CREATE TABLE IF NOT EXISTS event_in (at BIGINT NOT NULL, id {blob} NOT NULL, organisation TEXT NOT NULL, kind TEXT NOT NULL, salt {blob} NOT NULL,
	body {blob} NOT NULL, PRIMARY KEY (at, id)) {clustered}`

// migrate brings the schema to the newest form this release knows. Two processes may
// start at once: the one that comes second finds the tables made, and looks again.
func (s *Store) migrate(ctx context.Context) error {
	var err error
	for try := range attempts {
		if err = s.migrateOnce(ctx); err == nil || !s.d.exists(err) || sleep(ctx, try+4) != nil {
			break
		}
	}
	return err
}

func (s *Store) migrateOnce(ctx context.Context) error {
	if err := s.Update(ctx, s.migrateTables(ctx)); err != nil || s.d.index == nil {
		return err
	}
	if err := s.update(ctx, s.inbox, func(t *Tx) error {
		_, err := t.tx.ExecContext(ctx, s.d.words.Replace(inboxSchema))
		if err == nil {
			_, err = t.tx.ExecContext(ctx, s.d.words.Replace(markSchema))
		}
		return err
	}); err != nil {
		return err
	}
	return s.UpdateIndex(ctx, s.migrateIndex(ctx))
}

func (s *Store) migrateTables(ctx context.Context) func(*Tx) error {
	return func(t *Tx) error {
		if _, err := t.tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)`); err != nil {
			return err
		}
		var have int
		err := t.tx.QueryRowContext(ctx, `SELECT version FROM schema_version ORDER BY version DESC LIMIT 1`).Scan(&have)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		all := s.d.migrations()
		if have > len(all) {
			return entente.Errorf(entente.Conflict,
				"the database has schema %d, and this release of Entente knows schemas up to %d; use the release that wrote it, or a newer one", have, len(all))
		}
		for n, steps := range all[have:] {
			for _, step := range steps {
				if _, err := t.tx.ExecContext(ctx, s.d.words.Replace(step)); err != nil {
					return fmt.Errorf("schema %d: %w", have+n+1, err)
				}
			}
			if _, err := t.tx.ExecContext(ctx, `INSERT INTO schema_version (version) VALUES ($1)`, have+n+1); err != nil {
				return err
			}
		}
		return nil
	}
}

// indexVersion is the form of the index. It has no history: an index of another form is
// made anew, and its followers begin again.
const indexVersion = 2 // 2: keys of filters among the values

// migrateIndex makes the index where it is missing or of another form.
func (s *Store) migrateIndex(ctx context.Context) func(*Tx) error {
	return func(t *Tx) error {
		if _, err := t.tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS index_version (version BIGINT PRIMARY KEY)`); err != nil {
			return err
		}
		have, err := t.strings(ctx, `SELECT version FROM index_version`)
		if err != nil || len(have) == 1 && have[0] == strconv.Itoa(indexVersion) {
			return err
		}
		for _, step := range slices.Concat(
			[]string{`DROP TABLE IF EXISTS follower`, `DROP TABLE IF EXISTS value`, `DROP TABLE IF EXISTS search`, `DELETE FROM index_version`},
			s.d.index,
			[]string{`INSERT INTO index_version (version) VALUES (` + strconv.Itoa(indexVersion) + `)`},
		) {
			if _, err := t.tx.ExecContext(ctx, s.d.words.Replace(step)); err != nil {
				return fmt.Errorf("index %d: %w", indexVersion, err)
			}
		}
		return nil
	}
}
