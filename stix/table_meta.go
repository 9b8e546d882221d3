package stix

// extensionTypes are the values of extension-type-enum (STIX 2.1 §10.5).
var extensionTypes = []string{"new-sdo", "new-sco", "new-sro", "property-extension", "toplevel-property-extension"}

// metaShapes are the meta objects (STIX 2.1 §7).
var metaShapes = map[string]*shape{
	"language-content": newShape("STIX 2.1 §7.1", []rule{translations}, commonLanguage,
		needed(reference(nil, "object_ref")), instant("object_modified"),
		needed(dictionary("contents"))),

	// Definition or extension: a marking of one's own is an extension alone.
	"marking-definition": newShape("STIX 2.1 §7.2.1", []rule{
		with("definition_type", "definition"), with("definition", "definition_type"),
		oneOf("definition", "extensions"), marking}, commonMarking,
		text("name", "definition_type"), dictionary("definition")),

	"extension-definition": newShape("STIX 2.1 §7.3", []rule{definesExtension}, commonExtension,
		needed(text("name", "schema", "version")), text("description"),
		needed(listed(enum("extension_types", extensionTypes...))),
		listed(text("extension_properties"))),
}
