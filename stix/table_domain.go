package stix

// seenOrder is the rule that most types with first_seen and last_seen have.
var seenOrder = notBefore("first_seen", "last_seen")

// shapes21 are the types of STIX 2.1.
var shapes21 = merge(domainShapes, observableShapes, metaShapes)

func merge(tables ...map[string]*shape) map[string]*shape {
	all := map[string]*shape{}
	for _, table := range tables {
		for name, s := range table {
			all[name] = s
		}
	}
	return all
}

// sdo is a domain object or a relationship.
func sdo(section string, rules []rule, groups ...[]property) *shape {
	return newShape(section, rules, append([][]property{commonDomain}, groups...)...)
}

// domainShapes are the domain objects (STIX 2.1 §4) and relationships (§5).
var domainShapes = map[string]*shape{
	"attack-pattern": sdo("STIX 2.1 §4.1", nil,
		needed(text("name")), text("description"), listed(text("aliases")), killChain),

	"campaign": sdo("STIX 2.1 §4.2", []rule{seenOrder},
		needed(text("name")), text("description", "objective"), listed(text("aliases")),
		instant("first_seen", "last_seen")),

	"course-of-action": sdo("STIX 2.1 §4.3", nil,
		needed(text("name")), text("description")),

	"grouping": sdo("STIX 2.1 §4.4", nil,
		text("name", "description"), needed(open(groupingContexts, "context")),
		needed(listed(reference(nil, "object_refs")))),

	"identity": sdo("STIX 2.1 §4.5", nil,
		needed(text("name")), text("description", "contact_information"), open(identityClasses, "identity_class"),
		listed(text("roles")), listed(open(sectors, "sectors"))),

	"incident": sdo("STIX 2.1 §4.6", nil,
		needed(text("name")), text("description")),

	"indicator": sdo("STIX 2.1 §4.7", []rule{after("valid_from", "valid_until"), readablePattern},
		text("name", "description", "pattern_version"), listed(open(indicatorTypes, "indicator_types")),
		needed(text("pattern")), needed(open(patternTypes, "pattern_type")), needed(instant("valid_from")),
		instant("valid_until"), killChain),

	"infrastructure": sdo("STIX 2.1 §4.8", []rule{seenOrder},
		needed(text("name")), text("description"),
		listed(open(infrastructureTypes, "infrastructure_types")), listed(text("aliases")), killChain,
		instant("first_seen", "last_seen")),

	"intrusion-set": sdo("STIX 2.1 §4.9", []rule{seenOrder},
		needed(text("name")), text("description"), open(resourceLevels, "resource_level"), open(motivations, "primary_motivation"),
		listed(text("aliases", "goals")), listed(open(motivations, "secondary_motivations")),
		instant("first_seen", "last_seen")),

	"location": sdo("STIX 2.1 §4.10", []rule{place, with("latitude", "longitude"),
		with("longitude", "latitude"), with("precision", "latitude", "longitude")},
		open(regions, "region"), text("name", "description", "country", "administrative_area", "city",
			"street_address", "postal_code"),
		within(-90, 90, float("latitude")), within(-180, 180, float("longitude")),
		within(0, maxNumber, float("precision"))),

	"malware": sdo("STIX 2.1 §4.11", []rule{familyName, seenOrder},
		text("name", "description"), needed(boolean("is_family")),
		listed(open(malwareTypes, "malware_types")), listed(text("aliases")),
		listed(open(processors, "architecture_execution_envs")),
		listed(open(programmingTongues, "implementation_languages")), listed(open(malwareCapabilities, "capabilities")),
		killChain, instant("first_seen", "last_seen"),
		listed(reference(of("software"), "operating_system_refs")),
		listed(reference(of("artifact", "file"), "sample_refs"))),

	"malware-analysis": sdo("STIX 2.1 §4.12", []rule{oneOf("result", "analysis_sco_refs")},
		needed(text("product")), text("version", "configuration_version",
			"analysis_engine_version", "analysis_definition_version", "result_name"), open(malwareResults, "result"),
		listed(text("modules")), instant("submitted", "analysis_started", "analysis_ended"),
		reference(of("software"), "host_vm_ref", "operating_system_ref"),
		listed(reference(of("software"), "installed_software_refs")),
		listed(reference(toObservable, "analysis_sco_refs")),
		reference(of("file", "network-traffic", "artifact"), "sample_ref")),

	"note": sdo("STIX 2.1 §4.13", nil,
		text("abstract"), needed(text("content")), listed(text("authors")),
		needed(listed(reference(nil, "object_refs")))),

	"observed-data": sdo("STIX 2.1 §4.14", []rule{exactlyOneOf("objects", "object_refs"),
		notBefore("first_observed", "last_observed")},
		needed(instant("first_observed", "last_observed")),
		needed(within(1, 999_999_999, integer("number_observed"))),
		each(isContainer, []string{"objects"}),
		listed(reference(toSeen, "object_refs"))),

	"opinion": sdo("STIX 2.1 §4.15", nil,
		text("explanation"), listed(text("authors")),
		needed(enum("opinion", "strongly-disagree", "disagree", "neutral", "agree", "strongly-agree")),
		needed(listed(reference(nil, "object_refs")))),

	"report": sdo("STIX 2.1 §4.16", nil,
		needed(text("name")), text("description"), listed(open(reportTypes, "report_types")),
		needed(instant("published")), needed(listed(reference(nil, "object_refs")))),

	"threat-actor": sdo("STIX 2.1 §4.17", []rule{seenOrder},
		needed(text("name")), text("description"), open(skills, "sophistication"), open(resourceLevels, "resource_level"),
		listed(open(actorTypes, "threat_actor_types")), listed(open(actorRoles, "roles")), listed(text("aliases", "goals")),
		open(motivations, "primary_motivation"), listed(open(motivations, "secondary_motivations", "personal_motivations")),
		instant("first_seen", "last_seen")),

	"tool": sdo("STIX 2.1 §4.18", nil,
		needed(text("name")), text("description", "tool_version"),
		listed(open(toolTypes, "tool_types")), listed(text("aliases")), killChain),

	"vulnerability": sdo("STIX 2.1 §4.19", nil,
		needed(text("name")), text("description")),

	"relationship": sdo("STIX 2.1 §5.1", []rule{after("start_time", "stop_time"), relationshipName},
		needed(text("relationship_type")), text("description"),
		needed(reference(toRelated, "source_ref", "target_ref")),
		instant("start_time", "stop_time")),

	"sighting": sdo("STIX 2.1 §5.2", []rule{seenOrder},
		text("description"), instant("first_seen", "last_seen"),
		within(0, 999_999_999, integer("count")),
		needed(reference(toDomain, "sighting_of_ref")),
		listed(reference(of("observed-data"), "observed_data_refs")),
		listed(reference(of("identity", "location"), "where_sighted_refs")),
		// A boolean in the standard; Errata 01 says string, with a default of false.
		each(isAnything, []string{"summary"})),
}
