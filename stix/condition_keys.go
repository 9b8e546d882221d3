package stix

import (
	"bytes"
	"strings"

	entente "entente"
)

// A key of a condition is the name of its field, a NUL and a value. An object that meets
// a condition that has keys has one of them among its own.

// IndexKeys gives the keys under which an object is found: the values of the fields that
// are indexed. A key may come several times. References to marking definitions have none:
// nearly every object has one of a few. It is nil for what [Parse] could not read.
func IndexKeys(raw []byte) []string {
	s := getScratch()
	defer s.put()
	t := &s.tape
	if !t.read(bytes.Trim(raw, " \t\r\n")) || t.nodes[0].kind != '{' {
		return nil
	}
	var out []string
	top := 1 // the next member of the object itself
	for k := 1; k < len(t.nodes); k++ {
		place := entente.Inside
		if k == top {
			place, top = entente.OnTop, t.after(k)
		}
		if t.nodes[k].flags&named == 0 {
			continue
		}
		name := t.nameOf(k)
		if f := indexedFields[string(name)]; f.Indexed && f.Place == place {
			out = t.appendKeys(out, k, f)
		}
		if namesReference(name) {
			out = t.appendKeys(out, k, indexedFields[""])
		}
	}
	return out
}

// indexedFields are the fields with keys, by their properties; "" is that of references.
var indexedFields = func() map[string]entente.ConditionField {
	out := map[string]entente.ConditionField{}
	for _, f := range entente.ConditionFields() {
		if f.Indexed {
			out[f.Property] = f
		}
	}
	return out
}()

// appendKeys appends the keys of a property's value, or of the elements of its list.
func (t *tape) appendKeys(out []string, k int, f entente.ConditionField) []string {
	first, end := k, k+1
	if t.nodes[k].kind == '[' {
		first, end = t.children(k)
	}
	for i := first; i < end; i = t.after(i) {
		if t.nodes[i].kind != '"' {
			continue
		}
		value := t.string(i)
		if f.Kind == entente.MatchHex {
			value = foldCase(value)
		}
		if f.Place == entente.References && !hasReferenceKey(value) {
			continue
		}
		out = append(out, f.Name+"\x00"+value)
	}
	return out
}

// hasReferenceKey reports whether references to an identifier have keys. What is none (in
// the objects of observed data of STIX 2.0, say) is never asked for.
func hasReferenceKey(id string) bool {
	return strings.Contains(id, "--") && !strings.HasPrefix(id, "marking-definition--")
}

// ConditionKeys gives the keys of which an object that meets the condition has at least
// one; nil where objects are not found by keys.
func ConditionKeys(c entente.Condition) []string {
	f, ok := entente.FindConditionField(c.Field)
	if !ok || !f.Indexed {
		return nil
	}
	out := make([]string, 0, len(c.Values))
	for _, value := range c.Values {
		if f.Place == entente.References && !hasReferenceKey(value) {
			return nil
		}
		out = append(out, f.Name+"\x00"+value)
	}
	return out
}

// ReferenceKey is the key of objects that refer to an object; false where references to it
// have none.
func ReferenceKey(id entente.ObjectID) (string, bool) {
	if !hasReferenceKey(string(id)) {
		return "", false
	}
	return indexedFields[""].Name + "\x00" + string(id), true
}
