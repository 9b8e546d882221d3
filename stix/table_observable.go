package stix

// sco is a cyber-observable. Its table may give extensions of its own.
func sco(section string, rules []rule, groups ...[]property) *shape {
	return newShape(section, rules, append([][]property{commonObservable}, groups...)...)
}

// observableShapes are the cyber-observables (STIX 2.1 §6).
var observableShapes = map[string]*shape{
	"artifact": sco("STIX 2.1 §6.1", []rule{exactlyOneOf("payload_bin", "url"),
		with("url", "hashes"), with("decryption_key", "encryption_algorithm")},
		text("mime_type", "url", "decryption_key"), octets("payload_bin"), hashes("hashes"),
		enum("encryption_algorithm", "AES-256-GCM", "ChaCha20-Poly1305", "mime-type-indicated")),

	"autonomous-system": sco("STIX 2.1 §6.2", nil,
		needed(integer("number")), text("name", "rir")),

	"directory": sco("STIX 2.1 §6.3", nil,
		needed(text("path")), text("path_enc"), instant("ctime", "mtime", "atime"),
		listed(reference(of("file", "directory"), "contains_refs"))),

	"domain-name": sco("STIX 2.1 §6.4", nil, needed(text("value")),
		listed(reference(of("ipv4-addr", "ipv6-addr", "domain-name"), "resolves_to_refs"))),

	"email-addr": sco("STIX 2.1 §6.5", nil, needed(text("value")), text("display_name"),
		reference(of("user-account"), "belongs_to_ref")),

	"email-message": sco("STIX 2.1 §6.6", []rule{onlyWhere("body", "is_multipart", 'f'),
		onlyWhere("body_multipart", "is_multipart", 't')},
		needed(boolean("is_multipart")), instant("date"),
		text("content_type", "message_id", "subject", "body"),
		reference(of("email-addr"), "from_ref", "sender_ref"),
		listed(reference(of("email-addr"), "to_refs", "cc_refs", "bcc_refs")),
		listed(text("received_lines")), entries(`[`, "additional_header_fields"),
		listed(object(mimePart, "body_multipart")), reference(of("artifact"), "raw_email_ref")),

	"file": sco("STIX 2.1 §6.7", []rule{oneOf("hashes", "name"), with("name_enc", "name")},
		hashes("hashes"), natural("size"), text("name", "name_enc", "mime_type"),
		hex("magic_number_hex"), instant("ctime", "mtime", "atime"),
		reference(of("directory"), "parent_directory_ref"),
		listed(reference(toObservable, "contains_refs")), reference(of("artifact"), "content_ref"),
		extensions(fileExtensions)),

	"ipv4-addr": sco("STIX 2.1 §6.8", nil, needed(text("value")), addressReferences),
	"ipv6-addr": sco("STIX 2.1 §6.9", nil, needed(text("value")), addressReferences),
	"mac-addr":  sco("STIX 2.1 §6.10", []rule{macAddress}, needed(text("value"))),
	"mutex":     sco("STIX 2.1 §6.11", nil, needed(text("name"))),

	"network-traffic": sco("STIX 2.1 §6.12", []rule{oneOf("src_ref", "dst_ref"),
		notBefore("start", "end"), onlyWhere("end", "is_active", 'f')},
		instant("start", "end"), boolean("is_active"),
		reference(of("ipv4-addr", "ipv6-addr", "mac-addr", "domain-name"), "src_ref", "dst_ref"),
		within(0, 65535, integer("src_port", "dst_port")), needed(listed(text("protocols"))),
		natural("src_byte_count", "dst_byte_count", "src_packets", "dst_packets"),
		entries(`"0`, "ipfix"), reference(of("artifact"), "src_payload_ref", "dst_payload_ref"),
		listed(reference(of("network-traffic"), "encapsulates_refs")),
		reference(of("network-traffic"), "encapsulated_by_ref"), extensions(trafficExtensions)),

	"process": sco("STIX 2.1 §6.13", []rule{ownProperty},
		boolean("is_hidden"), integer("pid"), instant("created_time"), text("cwd", "command_line"),
		entries(`"`, "environment_variables"),
		listed(reference(of("network-traffic"), "opened_connection_refs")),
		reference(of("user-account"), "creator_user_ref"), reference(of("file"), "image_ref"),
		reference(of("process"), "parent_ref"), listed(reference(of("process"), "child_refs")),
		extensions(processExtensions)),

	"software": sco("STIX 2.1 §6.14", nil, needed(text("name")),
		text("cpe", "swid", "vendor", "version"), listed(language("languages"))),

	"url": sco("STIX 2.1 §6.15", nil, needed(text("value"))),

	"user-account": sco("STIX 2.1 §6.16", []rule{ownProperty},
		text("user_id", "credential", "account_login", "display_name"), open(accountTypes, "account_type"),
		boolean("is_service_account", "is_privileged", "can_escalate_privs", "is_disabled"),
		instant("account_created", "account_expires", "credential_last_changed",
			"account_first_login", "account_last_login"), extensions(accountExtensions)),

	"windows-registry-key": sco("STIX 2.1 §6.17", []rule{ownProperty, wholeHive},
		text("key"), listed(object(registryValue, "values")), instant("modified_time"),
		reference(of("user-account"), "creator_user_ref"), integer("number_of_subkeys")),

	"x509-certificate": sco("STIX 2.1 §6.18", []rule{ownProperty},
		boolean("is_self_signed"), hashes("hashes"),
		text("version", "serial_number", "signature_algorithm", "issuer", "subject",
			"subject_public_key_algorithm", "subject_public_key_modulus"),
		instant("validity_not_before", "validity_not_after"),
		integer("subject_public_key_exponent"), object(x509Extensions, "x509_v3_extensions")),
}

// ownProperty is the rule of types that have no required property of their own. An
// extension counts: it says something of the object.
var ownProperty = besides("type", "id", "spec_version", "object_marking_refs", "granular_markings", "defanged")

// addressReferences are what both kinds of IP address refer to (STIX 2.1 §6.8.1, §6.9.1).
var addressReferences = join(
	listed(reference(of("mac-addr"), "resolves_to_refs")),
	listed(reference(of("autonomous-system"), "belongs_to_refs")))
