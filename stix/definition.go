package stix

import (
	"bytes"

	entente "entente"
)

// papExtension is the extension that states a level of PAP ("PAP Marking Definition for
// STIX 2.1", OASIS common objects).
const papExtension = definitionPrefix + "f8d78575-edfd-406e-8e84-6162a8450f5b"

// ruleless are the properties of a marking definition that state no rule of their own.
// ATT&CK adds two, which tell to which of its parts the object belongs.
var ruleless = map[string]bool{
	"type": true, "spec_version": true, "id": true, "created_by_ref": true, "created": true, "modified": true,
	"revoked": true, "labels": true, "confidence": true, "lang": true, "external_references": true,
	"object_marking_refs": true, "granular_markings": true, "name": true,
	"x_mitre_attack_spec_version": true, "x_mitre_domains": true,
}

// DefinitionOf says what a marking definition is, by its id and its exact bytes:
//
//   - TLP by its id alone, whatever it says, for those objects are fixed (STIX 2.1
//     §7.2.1.4); so is PAP by the ids that its extension fixes;
//   - PAP where its extension states a level that is known;
//   - a statement where definition_type and definition say so (STIX 2.1 §7.2.1.3).
//
// Everything else is unknown: FIRST IEP, ACS, what is no marking definition, and one that
// has a name and no more. Unknown, too, is what has anything beside that might be a rule:
// another extension, a property that the standard does not know, a further member of the
// definition, or any mention of TLP, which one platform in use writes into a statement to
// mean AMBER+STRICT.
func DefinitionOf(v *entente.Version) entente.Definition {
	var unknown entente.Definition
	if level, ok := entente.TLPOf(v.ID); ok {
		return entente.Definition{Kind: entente.TLPDefinition, TLP: level}
	}
	if level, ok := entente.PAPOf(v.ID); ok {
		return entente.Definition{Kind: entente.PAPDefinition, PAP: level}
	}
	if v.Type != "marking-definition" {
		return unknown
	}
	s := getScratch()
	defer s.put()
	t := &s.tape
	if !t.read(bytes.Trim(v.Bytes, " \t\r\n")) || t.nodes[0].kind != '{' || t.mentionsTLP() {
		return unknown
	}
	out := unknown
	stated, defined := 0, 0 // the nodes of definition_type and definition
	for k, end := t.children(0); k < end; k = t.after(k) {
		switch name := string(t.nameOf(k)); {
		case name == "definition_type":
			stated = k
		case name == "definition":
			defined = k
		case name == "extensions":
			level, ok := t.papOnly(k)
			if !ok {
				return unknown
			}
			if level != entente.PAPNone {
				out = entente.Definition{Kind: entente.PAPDefinition, PAP: level}
			}
		case !ruleless[name]:
			return unknown
		}
	}
	switch {
	case stated == 0 && defined == 0:
		return out
	case stated == 0 || defined == 0 || t.nodes[stated].kind != '"' || t.string(stated) != "statement" || !t.statementOnly(defined):
		return unknown
	case out.Kind == entente.UnknownDefinition:
		out.Kind = entente.StatementDefinition
	}
	return out
}

// papOnly reads the level in the extensions at node k, PAPNone if there are none; false if
// there is anything but a level of PAP in them.
func (t *tape) papOnly(k int) (level entente.PAP, ok bool) {
	if t.nodes[k].kind != '{' {
		return level, false
	}
	for i, end := t.children(k); i < end; i = t.after(i) {
		if !t.is(i, papExtension) || t.nodes[i].kind != '{' {
			return level, false
		}
		for j, end := t.children(i); j < end; j = t.after(j) {
			switch {
			case t.is(j, "pap") && t.nodes[j].kind == '"':
				level, _ = entente.ParsePAP(t.string(j))
			case !t.is(j, "extension_type"):
				return level, false
			}
		}
		if level == entente.PAPNone {
			return level, false
		}
	}
	return level, true
}

// statementOnly reports whether node k is {"statement": "…"} and no more.
func (t *tape) statementOnly(k int) bool {
	if t.nodes[k].kind != '{' {
		return false
	}
	i, end := t.children(k)
	return i < end && t.after(i) == end && t.is(i, "statement") && t.nodes[i].kind == '"'
}

// mentionsTLP reports whether a name or a string, at any depth, has a word that begins with
// "TLP" in it, in letters of either case.
func (t *tape) mentionsTLP() bool {
	for k := range t.nodes {
		n := &t.nodes[k]
		if n.flags&named != 0 && wordTLP(t.nameOf(k)) {
			return true
		}
		if n.kind != '"' {
			continue
		}
		text := t.raw(k)
		if n.flags&escaped != 0 {
			text = unescape(nil, text)
		}
		if wordTLP(text) {
			return true
		}
	}
	return false
}

func wordTLP(text []byte) bool {
	letter := func(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
	for i := 0; i+3 <= len(text); i++ {
		if text[i]|0x20 == 't' && text[i+1]|0x20 == 'l' && text[i+2]|0x20 == 'p' && (i == 0 || !letter(text[i-1])) {
			return true
		}
	}
	return false
}
