package stix

import (
	"bytes"
	"strings"
)

// extractor collects the observables of one version.
type extractor struct {
	*tape    // nil for a pattern alone
	found    []Observable
	seen     map[observed]struct{} // what found holds, once that is long
	path     propertyPath
	defanged bool
	other    bool // the type is not in the standard
}

// propertyPath is the path of a property, as observableKinds has them. It has its room
// with it, so that building one costs no allocation.
type propertyPath struct {
	room [maxObservablePath]byte
	n    int
}

// add appends s, unless the path is then longer than any that is known.
func (p *propertyPath) add(s string) bool {
	if p.n+len(s) > len(p.room) {
		return false
	}
	p.n += copy(p.room[p.n:], s)
	return true
}

// kind is what the table has for the path.
func (p *propertyPath) kind() ObservableKind { return observableKinds[string(p.room[:p.n])] }

// observed is what tells one observable from another.
type observed struct {
	kind  ObservableKind
	value string
}

// version collects from the object on the tape. The pattern of an indicator is not read
// here: see pattern.
func (x *extractor) version(objectType string) {
	switch classes[objectType] {
	case observable:
		x.object(0, objectType)
	case custom:
		// Only cyber-observables have no created.
		if x.member(0, "created") == 0 {
			x.object(0, objectType)
		}
	case domain:
		if objectType == "observed-data" {
			x.container()
		}
	}
}

// stixPattern is the node of the STIX pattern of indicator k, 0 if it has none. STIX 2.0
// has no pattern_type, and no other patterns.
func (t *tape) stixPattern(k int) int {
	pattern, kind := t.member(k, "pattern"), t.member(k, "pattern_type")
	if pattern == 0 || t.nodes[pattern].kind != '"' {
		return 0
	}
	if kind > 0 && (t.nodes[kind].kind != '"' || string(t.raw(kind)) != "stix") {
		return 0
	}
	return pattern
}

// container collects from the observables that an observed-data object embeds.
func (x *extractor) container() {
	objects := x.member(0, "objects")
	if objects == 0 || x.nodes[objects].kind != '{' {
		return
	}
	for i, end := x.children(objects); i < end; i = x.after(i) {
		if x.nodes[i].kind != '{' {
			continue
		}
		if t := x.member(i, "type"); t > 0 && x.nodes[t].kind == '"' {
			x.object(i, x.string(t))
		}
	}
}

// object collects from cyber-observable k.
func (x *extractor) object(k int, objectType string) {
	defanged := x.member(k, "defanged")
	x.defanged = defanged > 0 && x.nodes[defanged].kind == 't'
	x.other = classes[objectType] == custom
	if x.path.n = 0; !x.path.add(objectType) || !x.path.add(":") {
		x.path.n = 0 // not in the table
	}
	x.members(k, false)
}

// members collects from the members of object k, whose path is set; hashed tells that
// they are hashes by the names of their algorithms.
func (x *extractor) members(k int, hashed bool) {
	at := x.path.n
	for i, end := x.children(k); i < end; i = x.after(i) {
		name := x.nameOf(i)
		if x.path.n = at; at+len(name) < len(x.path.room) {
			x.path.n += copy(x.path.room[at:], name)
			x.value(i, name, hashed)
		}
	}
	x.path.n = at
}

// value collects from value k of a property.
func (x *extractor) value(k int, name []byte, hashed bool) {
	switch x.nodes[k].kind {
	case '{':
		x.path.add(".")
		x.members(k, namesHashes(name))
	case '[':
		at := x.path.n
		for i, end := x.children(k); i < end; i = x.after(i) {
			x.value(i, name, false)
			x.path.n = at
		}
	case '"', '0':
		kind, hash := x.path.kind(), ""
		switch {
		case hashed:
			kind, hash = KindHash, algorithm(string(name))
		case kind == KindHash:
			hash = algorithm(string(name))
		case kind == "" && x.other && bytes.HasSuffix(x.path.room[:x.path.n], []byte(":value")):
			kind = kindOther
		}
		if kind == "" || x.nodes[k].kind == '0' && kind != KindASN || len(x.raw(k)) > 6*MaxObservable {
			return
		}
		text := x.string(k)
		if x.defanged {
			text = refang(text)
		}
		x.add(kind, text, hash)
	}
}

// namesHashes reports whether a property holds hashes by their algorithms: hashes,
// file_header_hashes.
func namesHashes[T string | []byte](name T) bool {
	const suffix = "_hashes"
	n := len(name)
	return string(name) == suffix[1:] || n > len(suffix) && string(name[n-len(suffix):]) == suffix
}

// refers is namesReference for a string.
func refers(name string) bool {
	name = strings.TrimSuffix(name, "s")
	return strings.HasSuffix(name, "_ref")
}

// add normalises a value and takes it, unless it was taken before.
func (x *extractor) add(kind ObservableKind, text, hash string) {
	o, ok := normalize(kind, text)
	if !ok {
		return
	}
	if o.Kind == KindHash {
		o.Algorithm = hash
	}
	const few = 16 // up to here, looking through the list is faster than a set
	key := observed{o.Kind, o.Value}
	if len(x.found) < few {
		for i := range x.found {
			if x.found[i].Value == key.value && x.found[i].Kind == key.kind {
				return
			}
		}
	} else {
		if x.seen == nil {
			x.seen = make(map[observed]struct{}, 4*few)
			for _, f := range x.found {
				x.seen[observed{f.Kind, f.Value}] = struct{}{}
			}
		}
		if _, ok := x.seen[key]; ok {
			return
		}
		x.seen[key] = struct{}{}
	}
	x.found = append(x.found, o)
}

// pattern collects from the comparisons of a pattern. Joined by AND or OR they all are
// what it is about, so it does not matter where in the tree they stand.
func (x *extractor) pattern(p *Pattern) {
	for i := range p.nodes {
		n := &p.nodes[i]
		if n.kind != nodeComparison || n.not {
			continue
		}
		switch n.op {
		case opEqual, opIn, opSubset:
		case opLike:
			if strings.ContainsAny(p.text(p.constants[n.value]), "%_") {
				continue
			}
		default:
			continue
		}
		kind, hash := x.pathKind(p, n)
		if kind == "" {
			continue
		}
		for _, c := range p.constants[n.value:n.valueTo] {
			switch {
			case c.kind == constString, c.kind == constInteger && kind == KindASN, c.kind == constHex && kind == KindHash:
				x.add(kind, p.text(c), hash)
			}
		}
	}
}

// pathKind is the kind of value at the end of a comparison's path, "" for one that names
// nothing, and the algorithm of a hash.
func (x *extractor) pathKind(p *Pattern, n *patternNode) (ObservableKind, string) {
	steps := p.steps[n.first:n.last]
	object := p.text(steps[0])
	x.path.n = 0
	if !x.path.add(object) || !x.path.add(":") {
		return "", ""
	}
	hashed, hash, before := false, "", ""
	for i, s := range steps[1:] {
		if s.kind != stepName {
			continue
		}
		name := p.text(s)
		switch {
		case before != "" && refers(before):
			x.path.n = 0
			x.path.add(":")
		case i > 0:
			x.path.add(".")
		}
		if !x.path.add(name) {
			return "", ""
		}
		if hashed = namesHashes(before); hashed {
			hash = algorithm(name)
		}
		before = name
	}
	// hashes[*] stands for any algorithm.
	if hashed || namesHashes(before) {
		return KindHash, hash
	}
	kind := x.path.kind()
	switch {
	case kind == KindHash:
		return kind, algorithm(before)
	case kind == "" && classes[object] == custom:
		return kindOther, ""
	}
	return kind, ""
}
