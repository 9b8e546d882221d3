package stix

import (
	"bytes"
	"slices"
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

// MendSpecVersion repairs what one server in use does to the objects it was given: it puts
// the type of each in the place of its spec_version. No version of STIX is called as a type
// is, and such a server takes nothing but STIX 2.1; so "2.1" is put there, and every other
// byte stays. The result is nil where raw does not have just that fault.
func MendSpecVersion(raw []byte) []byte {
	d := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil
	}
	var kind string
	var begin, end int64
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return nil
		}
		is := name.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil
		}
		switch is {
		case "type":
			kind = string(value)
		case "spec_version":
			end = d.InputOffset()
			begin = end - int64(len(value))
		}
	}
	if kind == "" || kind != string(raw[begin:end]) {
		return nil
	}
	return slices.Concat(raw[:begin], []byte(`"2.1"`), raw[end:])
}
