package stix

import (
	"slices"
	"strings"

	entente "entente"
)

// definitionPrefix begins the keys of extensions that are defined by an object.
const definitionPrefix = "extension-definition--"

// predefined are the extensions of the standard, by their names, with the type that each
// belongs to (STIX 2.1 §6).
var predefined = func() map[string]string {
	all := map[string]string{}
	for objectType, table := range map[string]map[string]*shape{
		"file": fileExtensions, "network-traffic": trafficExtensions, "process": processExtensions, "user-account": accountExtensions,
	} {
		for name := range table {
			all[name] = objectType
		}
	}
	return all
}()

// extensions checks the dictionary of extensions (STIX 2.1 §3.2). Of an extension that is
// not in the standard only its frame is checked: what it holds is for its definition to
// say, which need not be known here.
func (c *checker) extensions(k int, known map[string]*shape) {
	first, end := c.children(k)
	if first == end {
		c.warn(k, sectionDictionaries, emptyDictionary)
	}
	for i := first; i < end; i = c.after(i) {
		name := string(c.nameOf(i))
		switch {
		case c.nodes[i].kind != '{':
			c.warn(i, "STIX 2.1 §3.2", "it is %s, not an object", kindName(c.nodes[i].kind))
		case known[name] != nil:
			c.members(i, known[name])
		case strings.HasPrefix(name, definitionPrefix):
			c.defined(i, name)
		case predefined[name] != "":
			c.warn(i, "STIX 2.1 §3.2", "this extension is for the type %s, not for %s", predefined[name], c.objectType)
		default:
			c.customExtension(i, name)
		}
	}
}

// defined checks an extension that an extension definition defines (STIX 2.1 §7.3).
func (c *checker) defined(k int, name string) {
	const section = "STIX 2.1 §3.2"
	if _, err := entente.ParseObjectID(name); err != nil {
		c.warn(k, section, "the key is not the id of an extension definition")
	}
	kind := c.member(k, "extension_type")
	switch {
	case kind == 0:
		c.lacks(k, "extension_type", section)
	case c.nodes[kind].kind != '"' || !slices.Contains(extensionTypes, c.string(kind)):
		c.warn(kind, "STIX 2.1 §10.5", "it is not one of %s", strings.Join(extensionTypes, ", "))
	case strings.HasPrefix(c.string(kind), "new-") && classes[c.objectType] != custom:
		c.warn(kind, "STIX 2.1 §7.3", "%s makes a new type of object, and %s is one of the standard: an extension may not define it anew", c.string(kind), c.objectType)
	}
	c.propertyNames(k, "STIX 2.1 §7.3.2")
}

// customExtension checks an extension without a definition, as they were made before there
// were any (STIX 2.1 §11.3).
func (c *checker) customExtension(k int, name string) {
	const section = "STIX 2.1 §11.3.1"
	switch {
	case c.member(k, "extension_type") > 0:
		c.warn(k, "STIX 2.1 §3.2", "it has an extension_type, so its key is to be the id of an extension definition")
	case classes[c.objectType] != observable && classes[c.objectType] != custom:
		c.warn(k, "STIX 2.1 §11.3", "the key is neither the id of an extension definition nor a predefined extension of %s; custom extensions are for cyber-observables alone", c.objectType)
	case len(name) < 3 || len(name) > 250 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || !strings.HasPrefix(name, "x-") || !strings.HasSuffix(name, "-ext"):
		c.warn(k, section, "the name of a custom extension begins with x-, ends in -ext and has 3 to 250 of the characters a-z, 0-9 and -; better, make it by an extension definition")
	}
	if first, end := c.children(k); first == end {
		c.warn(k, section, "it is empty, where at least one property is required")
	}
	c.propertyNames(k, section)
}

// propertyNames checks the names of the properties of an extension; of many that are
// malformed one is told.
func (c *checker) propertyNames(k int, section string) {
	for i, end := c.children(k); i < end; i = c.after(i) {
		if !propertyName(c.nameOf(i)) {
			c.warn(i, section, misnamed)
			return
		}
	}
}

const misnamed = "the name of a property has 3 to 250 of the characters a-z, 0-9 and _"

func propertyName(b []byte) bool {
	if len(b) < 3 || len(b) > 250 {
		return false
	}
	for _, c := range b {
		if !nameBytes[c] {
			return false
		}
	}
	return true
}

// nameBytes are the characters of a property's name.
var nameBytes = func() (table [256]bool) {
	for c := range table {
		table[c] = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
	}
	return table
}()

// reserved are names for which a later version of the standard has plans (STIX 2.1 §3.8).
var reserved = []string{"severity", "username", "phone_number", "action"}

// stranger notes a property that the standard does not know.
func (c *checker) stranger(k int, top bool) {
	name := c.nameOf(k)
	if c.misnamed == 0 && !propertyName(name) {
		c.misnamed = k
	}
	if len(name) > 1 && name[0] == 'x' && name[1] == '_' {
		return
	}
	if top && !c.two && slices.Contains(reserved, string(name)) {
		c.warn(k, "STIX 2.1 §3.8", "this name is reserved, and no object may have it")
		return
	}
	if len(c.strangers) < 6 {
		c.strangers = append(c.strangers, k)
	}
}

// report says once which properties the standard does not know, and otherwise, once, that
// the name of one is malformed.
func (c *checker) report() {
	section, names := "STIX 2.1 §11.1", "STIX 2.1 §11.1.1"
	switch {
	case c.two:
		section, names = "STIX 2.0 Part 1 §7.1", "STIX 2.0 Part 1 §7.1"
	case c.declares(""):
		names = "STIX 2.1 §7.3.2"
	}
	if len(c.strangers) == 0 || c.open || c.declares("toplevel-property-extension") {
		if c.misnamed > 0 {
			c.warn(c.misnamed, names, misnamed)
		}
		return
	}
	all := make([]string, 0, len(c.strangers))
	for _, k := range c.strangers[:min(5, len(c.strangers))] {
		all = append(all, c.path(k))
	}
	text := strings.Join(all, ", ")
	if len(c.strangers) > len(all) {
		text += " and more"
	}
	c.warn(c.strangers[0], section, "not in the standard for this type: %s; declare it in an extension, or begin its name with x_", text)
}

// declares reports whether the object uses an extension definition of some type, "" for any.
func (c *checker) declares(extensionType string) bool {
	k := c.member(0, "extensions")
	if k == 0 || c.nodes[k].kind != '{' {
		return false
	}
	for i, end := c.children(k); i < end; i = c.after(i) {
		if c.nodes[i].kind != '{' {
			continue
		}
		kind := c.member(i, "extension_type")
		if extensionType == "" && (kind > 0 || strings.HasPrefix(string(c.nameOf(i)), definitionPrefix)) {
			return true
		}
		if kind > 0 && c.nodes[kind].kind == '"' && string(c.raw(kind)) == extensionType {
			return true
		}
	}
	return false
}

// definesExtension checks what an extension definition defines (STIX 2.1 §7.3.1).
func definesExtension(c *checker, k int, _ string) {
	const section = "STIX 2.1 §7.3.1"
	const top = "toplevel-property-extension"
	if c.member(k, "description") == 0 {
		c.add(entente.Warning, "description", section, "it is missing, and should tell what the extension conveys", nil)
	}
	adds, types := false, c.member(k, "extension_types")
	listed := types > 0 && c.nodes[types].kind == '['
	if listed {
		for i, end := c.children(types); i < end; i = c.after(i) {
			adds = adds || c.nodes[i].kind == '"' && c.string(i) == top
		}
	}
	names := c.member(k, "extension_properties")
	switch {
	case names == 0 && adds:
		c.add(entente.Warning, "extension_properties", section, "it is missing, and should name what the "+top+" adds to objects", nil)
	case names > 0 && listed && !adds:
		c.warn(names, section, "it is allowed only where extension_types has %s", top)
	}
	if names == 0 || c.nodes[names].kind != '[' {
		return
	}
	for i, end := c.children(names); i < end; i = c.after(i) {
		switch {
		case c.nodes[i].kind != '"':
		case shapeCustom.byName[c.string(i)] != nil || shapeCustomObservable.byName[c.string(i)] != nil:
			c.warn(i, "STIX 2.1 §7.3", "%q is a property of the standard, which an extension may not define anew", c.string(i))
		case !propertyName([]byte(c.string(i))):
			c.warn(i, "STIX 2.1 §7.3.2", misnamed)
		}
	}
}
