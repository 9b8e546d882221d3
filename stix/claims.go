package stix

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxClaim is the most bytes of a claim that are given back.
const maxClaim = 320

// Claims reads what bytes say of themselves that [Parse] has refused: the first "id", and
// the first "modified" or else "created", as far as they are strings; "" otherwise. It is
// for telling a sender which of its objects was refused, and proves nothing.
func Claims(raw []byte) (id, version string) {
	d := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return "", ""
	}
	var modified, created string
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			break
		}
		to := map[string]*string{"id": &id, "modified": &modified, "created": &created}[name.String()]
		if to == nil || *to != "" || d.PeekKind() != '"' {
			if d.SkipValue() != nil {
				break
			}
			continue
		}
		value, err := d.ReadToken()
		if err != nil {
			break
		}
		if *to = strings.ToValidUTF8(value.String(), "\ufffd"); len(*to) > maxClaim {
			*to = ""
		}
	}
	if version = modified; version == "" {
		version = created
	}
	return id, version
}
