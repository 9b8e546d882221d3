package store

import (
	"context"
	"encoding/json"

	"entente"
	"entente/stix"
)

// comparedBytes bounds how much is read of what is held, to hold one batch to it. What is
// beyond is not compared: the rules of versioning only report.
const comparedBytes = 32 << 20

// versionings fills in what contents say of themselves, for those whose numbers are given.
// It is not in columns of the content: it is needed for objects that come again and have
// several versions, and there the bytes tell it.
func (t *Tx) versionings(ctx context.Context, known map[entente.ObjectID][]entente.Known, contents []int64) error {
	if len(contents) == 0 {
		return nil
	}
	places := make(map[int64]*entente.Known, len(contents))
	for _, all := range known {
		for i := range all {
			places[all[i].Content] = &all[i]
		}
	}
	contents, err := t.within(ctx, contents, comparedBytes)
	if err != nil {
		return err
	}
	in, arg := t.s.d.ints("$1", contents)
	rows, err := t.query(ctx, `SELECT c.content, c.body, e.said FROM content c LEFT JOIN erased e ON e.content = c.content WHERE c.content IN `+in, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var content int64
		var body, said []byte
		if err := rows.Scan(&content, &body, &said); err != nil {
			return err
		}
		if len(body) == 0 && len(said) > 0 {
			v := &entente.Versioning{}
			if err := json.Unmarshal(said, v); err != nil {
				return err
			}
			places[content].Versioning = v
		}
		if v, ok := stix.Versioning(body); ok {
			places[content].Versioning = &v
		}
	}
	return rows.Err()
}

// within gives those of some contents, in their order, that together have no more than so
// many bytes.
func (t *Tx) within(ctx context.Context, contents []int64, most int64) ([]int64, error) {
	in, arg := t.s.d.ints("$1", contents)
	rows, err := t.query(ctx, `SELECT content, length(body) FROM content WHERE content IN `+in, arg)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	sizes := make(map[int64]int64, len(contents))
	for rows.Next() {
		var content, size int64
		if err := rows.Scan(&content, &size); err != nil {
			return nil, err
		}
		sizes[content] = size
	}
	var out []int64
	for _, c := range contents {
		if most -= sizes[c]; most < 0 {
			break
		}
		out = append(out, c)
	}
	return out, rows.Err()
}
