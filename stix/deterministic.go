package stix

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"strings"

	entente "entente"
)

// contributing are the properties that make the deterministic identifier of a
// cyber-observable (STIX 2.1 §6), in the order of their names. A process has none.
var contributing = map[string][]string{
	"artifact":             {"hashes", "payload_bin"},
	"autonomous-system":    {"number"},
	"directory":            {"path"},
	"domain-name":          {"value"},
	"email-addr":           {"value"},
	"email-message":        {"body", "from_ref", "subject"},
	"file":                 {"extensions", "hashes", "name", "parent_directory_ref"},
	"ipv4-addr":            {"value"},
	"ipv6-addr":            {"value"},
	"mac-addr":             {"value"},
	"mutex":                {"name"},
	"network-traffic":      {"dst_port", "dst_ref", "end", "extensions", "protocols", "src_port", "src_ref", "start"},
	"software":             {"cpe", "name", "swid", "vendor", "version"},
	"url":                  {"value"},
	"user-account":         {"account_login", "account_type", "user_id"},
	"windows-registry-key": {"key", "values"},
	"x509-certificate":     {"hashes", "serial_number"},
}

// deterministicSpace is the namespace 00abedb4-aa42-466c-9c01-fed23315a9b7 (STIX 2.1 §2.9).
const deterministicSpace = "\x00\xab\xed\xb4\xaa\x42\x46\x6c\x9c\x01\xfe\xd2\x33\x15\xa9\xb7"

// preferredHashes is the order in which the one hash is chosen that contributes; without
// any of them it is the first by name.
var preferredHashes = [...]string{"MD5", "SHA-1", "SHA-256", "SHA-512"}

// DeterministicID gives the identifier that follows from the properties of a
// cyber-observable (STIX 2.1 §2.9, §3.4): a UUIDv5 over the canonical form of those that
// contribute to it. It is false if raw is no object that [Parse] could read, is not of a
// type of the standard, or has none of those properties: then the standard wants a UUIDv4.
func DeterministicID(raw []byte) (entente.ObjectID, bool) {
	s := getScratch()
	defer s.put()
	if s.read(bytes.Trim(raw, " \t\r\n")) != nil || s.tape.nodes[0].kind != '{' {
		return "", false
	}
	k := s.tape.member(0, "type")
	if k == 0 || s.tape.nodes[k].kind != '"' {
		return "", false
	}
	return s.tape.deterministic(s.tape.string(k))
}

// deterministic makes the identifier of the object on the tape.
func (t *tape) deterministic(objectType string) (entente.ObjectID, bool) {
	var room [512]byte
	text := append(room[:0], deterministicSpace...)
	text = append(text, '{')
	from := len(text)
	for _, name := range contributing[objectType] {
		k := t.member(0, name)
		if k == 0 {
			continue
		}
		hash := name == "hashes" && t.nodes[k].kind == '{'
		if hash {
			if k = t.oneHash(k); k == 0 {
				continue
			}
		}
		if len(text) > from {
			text = append(text, ',')
		}
		text = append(append(append(text, '"'), name...), `":`...)
		if hash {
			text = append(appendQuoted(append(text, '{'), t.nameOf(k)), ':')
		}
		var ok bool
		if text, ok = t.canonical(text, k); !ok {
			return "", false
		}
		if hash {
			text = append(text, '}')
		}
	}
	if len(text) == from {
		return "", false
	}
	sum := sha1.Sum(append(text, '}'))
	sum[6] = sum[6]&0x0f | 0x50
	sum[8] = sum[8]&0x3f | 0x80
	return entente.ObjectID(fmt.Sprintf("%s--%x-%x-%x-%x-%x", objectType, sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])), true
}

// oneHash chooses the hash in dictionary k that contributes, 0 if it is empty.
func (t *tape) oneHash(k int) int {
	for _, name := range preferredHashes {
		if i := t.member(k, name); i > 0 {
			return i
		}
	}
	first := 0
	for i, end := t.children(k); i < end; i = t.after(i) {
		if first == 0 || compareUTF16(t.nameOf(i), t.nameOf(first)) < 0 {
			first = i
		}
	}
	return first
}

// deterministicID warns of an identifier that claims to follow from the properties of a
// cyber-observable and does not. Any UUIDv4 is allowed.
func (c *checker) deterministicID(v *entente.Version) {
	const section = "STIX 2.1 §2.9"
	uuid := v.ID[len(v.ID)-36:]
	if uuid[14] != '5' || classes[v.Type] != observable {
		return
	}
	want, ok := c.deterministic(v.Type)
	switch {
	case !ok:
		c.add(entente.Warning, "id", section, "it is a UUIDv5, but the object has no property that it could follow from, so a UUIDv4 is expected", nil)
	case !strings.EqualFold(string(want), string(v.ID)):
		c.add(entente.Warning, "id", section, "it is a UUIDv5 that does not follow from the object's properties; they give %s", []any{want})
	}
}
