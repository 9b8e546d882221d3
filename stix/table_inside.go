package stix

// Types inside cyber-observables, and their predefined extensions (STIX 2.1 §6).

// STIX 2.1 §6.6.2
var mimePart = newShape("STIX 2.1 §6.6.2", []rule{oneOf("body", "body_raw_ref")},
	text("body", "content_type", "content_disposition"),
	reference(of("artifact", "file"), "body_raw_ref"))

// STIX 2.1 §6.17.2
var registryValue = newShape("STIX 2.1 §6.17.2", []rule{oneOf("name", "data", "data_type")},
	text("name", "data"), enum("data_type", "REG_NONE", "REG_SZ", "REG_EXPAND_SZ", "REG_BINARY",
		"REG_DWORD", "REG_DWORD_BIG_ENDIAN", "REG_DWORD_LITTLE_ENDIAN", "REG_LINK",
		"REG_MULTI_SZ", "REG_RESOURCE_LIST", "REG_FULL_RESOURCE_DESCRIPTION",
		"REG_RESOURCE_REQUIREMENTS_LIST", "REG_QWORD", "REG_INVALID_TYPE"))

// STIX 2.1 §6.18.2
var x509Extensions = newShape("STIX 2.1 §6.18.2", []rule{besides()},
	text("basic_constraints", "name_constraints", "policy_constraints", "key_usage",
		"extended_key_usage", "subject_key_identifier", "authority_key_identifier",
		"subject_alternative_name", "issuer_alternative_name", "subject_directory_attributes",
		"crl_distribution_points", "inhibit_any_policy", "certificate_policies", "policy_mappings"),
	instant("private_key_usage_period_not_before", "private_key_usage_period_not_after"))

// fileExtensions are the predefined extensions of file (STIX 2.1 §6.7.2 to §6.7.6).
var fileExtensions = map[string]*shape{
	"archive-ext": newShape("STIX 2.1 §6.7.2", nil, text("comment"),
		needed(listed(reference(of("file", "directory"), "contains_refs")))),

	"ntfs-ext": newShape("STIX 2.1 §6.7.3", []rule{besides()}, text("sid"),
		listed(object(newShape("STIX 2.1 §6.7.3.2", nil,
			needed(text("name")), hashes("hashes"), natural("size")), "alternate_data_streams"))),

	"pdf-ext": newShape("STIX 2.1 §6.7.4", []rule{besides()},
		text("version", "pdfid0", "pdfid1"), boolean("is_optimized"), entries(`"`, "document_info_dict")),

	"raster-image-ext": newShape("STIX 2.1 §6.7.5", []rule{besides()},
		integer("image_height", "image_width", "bits_per_pixel"), entries(`"0`, "exif_tags")),

	"windows-pebinary-ext": newShape("STIX 2.1 §6.7.6", []rule{besides("pe_type")},
		needed(open(binaryTypes, "pe_type")), text("imphash"),
		hex("machine_hex", "pointer_to_symbol_table_hex", "characteristics_hex"),
		natural("number_of_sections", "number_of_symbols", "size_of_optional_header"),
		instant("time_date_stamp"), hashes("file_header_hashes"),
		object(optionalHeader, "optional_header"), listed(object(peSection, "sections"))),
}

// STIX 2.1 §6.7.6.2
var optionalHeader = newShape("STIX 2.1 §6.7.6.2", []rule{besides()},
	hex("magic_hex", "win32_version_value_hex", "checksum_hex", "subsystem_hex",
		"dll_characteristics_hex", "loader_flags_hex"),
	integer("major_linker_version", "minor_linker_version", "address_of_entry_point",
		"base_of_code", "base_of_data", "image_base", "section_alignment", "file_alignment",
		"major_os_version", "minor_os_version", "major_image_version", "minor_image_version",
		"major_subsystem_version", "minor_subsystem_version", "number_of_rva_and_sizes"),
	natural("size_of_code", "size_of_initialized_data", "size_of_uninitialized_data",
		"size_of_image", "size_of_headers", "size_of_stack_reserve", "size_of_stack_commit",
		"size_of_heap_reserve", "size_of_heap_commit"),
	hashes("hashes"))

// STIX 2.1 §6.7.6.3
var peSection = newShape("STIX 2.1 §6.7.6.3", nil,
	needed(text("name")), natural("size"), float("entropy"), hashes("hashes"))

// trafficExtensions are those of network-traffic (STIX 2.1 §6.12.2 to §6.12.5).
var trafficExtensions = map[string]*shape{
	"http-request-ext": newShape("STIX 2.1 §6.12.2", nil,
		needed(text("request_method", "request_value")), text("request_version"),
		entries(`[`, "request_header"), integer("message_body_length"),
		reference(of("artifact"), "message_body_data_ref")),

	"icmp-ext": newShape("STIX 2.1 §6.12.3", nil, needed(hex("icmp_type_hex", "icmp_code_hex"))),

	"socket-ext": newShape("STIX 2.1 §6.12.4", nil,
		needed(enum("address_family", "AF_UNSPEC", "AF_INET", "AF_IPX", "AF_APPLETALK",
			"AF_NETBIOS", "AF_INET6", "AF_IRDA", "AF_BTH")),
		boolean("is_blocking", "is_listening"), entries(`0`, "options"),
		enum("socket_type", "SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET"),
		natural("socket_descriptor"), integer("socket_handle")),

	"tcp-ext": newShape("STIX 2.1 §6.12.5", []rule{oneOf("src_flags_hex", "dst_flags_hex")},
		hex("src_flags_hex", "dst_flags_hex")),
}

// processExtensions are those of process (STIX 2.1 §6.13.2, §6.13.3).
var processExtensions = map[string]*shape{
	"windows-process-ext": newShape("STIX 2.1 §6.13.2", []rule{besides()},
		// Errata 01 writes windows_title for what was window_title.
		boolean("aslr_enabled", "dep_enabled"), text("priority", "owner_sid", "window_title", "windows_title"),
		dictionary("startup_info"), enum("integrity_level", "low", "medium", "high", "system")),

	"windows-service-ext": newShape("STIX 2.1 §6.13.3", []rule{besides()},
		text("service_name", "display_name", "group_name"), listed(text("descriptions")),
		enum("start_type", "SERVICE_AUTO_START", "SERVICE_BOOT_START", "SERVICE_DEMAND_START",
			"SERVICE_DISABLED", "SERVICE_SYSTEM_ALERT"),
		listed(reference(of("file"), "service_dll_refs")),
		enum("service_type", "SERVICE_KERNEL_DRIVER", "SERVICE_FILE_SYSTEM_DRIVER",
			"SERVICE_WIN32_OWN_PROCESS", "SERVICE_WIN32_SHARE_PROCESS"),
		enum("service_status", "SERVICE_CONTINUE_PENDING", "SERVICE_PAUSE_PENDING",
			"SERVICE_PAUSED", "SERVICE_RUNNING", "SERVICE_START_PENDING",
			"SERVICE_STOP_PENDING", "SERVICE_STOPPED")),
}

// accountExtensions is that of user-account (STIX 2.1 §6.16.2).
var accountExtensions = map[string]*shape{
	"unix-account-ext": newShape("STIX 2.1 §6.16.2", []rule{besides()},
		integer("gid"), listed(text("groups")), text("home_dir", "shell")),
}
