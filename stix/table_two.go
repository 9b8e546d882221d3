package stix

// Common properties of STIX 2.0 (STIX 2.0 Part 1 §3.1).
var (
	reference20 = newShape("STIX 2.0 Part 1 §2.2", []rule{oneOf("description", "url", "external_id")},
		needed(text("source_name")), text("description", "url", "external_id"), hashes("hashes"))
	killChain20 = listed(object(newShape("STIX 2.0 Part 1 §2", nil,
		needed(text("kill_chain_name", "phase_name"))), "kill_chain_phases"))

	sourced20     = listed(object(reference20, "external_references"))
	common20      = join(always, marked, authored, dated, revised, revoked, sourced20)
	marking20     = join(always, marked, authored, dated, sourced20)
	labels20      = needed(each(isChecked, []string{"labels"}))
	shapeCustom20 = newShape("STIX 2.0 Part 1 §3.1", nil, common20)
)

func sdo20(section string, rules []rule, groups ...[]property) *shape {
	return newShape(section, rules, append([][]property{common20}, groups...)...)
}

// shapes20 are the types of STIX 2.0 (STIX 2.0 Part 2, and Part 1 §4.1 for markings).
var shapes20 = map[string]*shape{
	"attack-pattern": sdo20("STIX 2.0 Part 2 §2.1", nil,
		needed(text("name")), text("description"), killChain20),

	"campaign": sdo20("STIX 2.0 Part 2 §2.2", []rule{seenOrder},
		needed(text("name")), text("description", "objective"), listed(text("aliases")),
		instant("first_seen", "last_seen")),

	"course-of-action": sdo20("STIX 2.0 Part 2 §2.3", nil,
		needed(text("name")), text("description")),

	"identity": sdo20("STIX 2.0 Part 2 §2.4", nil,
		needed(text("name")), needed(open(identityClasses, "identity_class")), text("description", "contact_information"),
		listed(open(sectors, "sectors"))),

	"indicator": sdo20("STIX 2.0 Part 2 §2.5", []rule{after("valid_from", "valid_until"), readablePattern},
		labels20, text("name", "description"), needed(text("pattern")),
		needed(instant("valid_from")), instant("valid_until"), killChain20),

	"intrusion-set": sdo20("STIX 2.0 Part 2 §2.6", []rule{seenOrder},
		needed(text("name")), text("description"), open(resourceLevels, "resource_level"), open(motivations, "primary_motivation"),
		listed(text("aliases", "goals")), listed(open(motivations, "secondary_motivations")),
		instant("first_seen", "last_seen")),

	"malware": sdo20("STIX 2.0 Part 2 §2.7", nil,
		labels20, needed(text("name")), text("description"), killChain20),

	"observed-data": sdo20("STIX 2.0 Part 2 §2.8", []rule{notBefore("first_observed", "last_observed")},
		needed(instant("first_observed", "last_observed")),
		needed(within(1, 999_999_999, integer("number_observed"))),
		needed(each(isContainer, []string{"objects"}))),

	"report": sdo20("STIX 2.0 Part 2 §2.9", nil,
		labels20, needed(text("name")), text("description"), needed(instant("published")),
		needed(listed(reference(nil, "object_refs")))),

	"threat-actor": sdo20("STIX 2.0 Part 2 §2.10", nil,
		labels20, needed(text("name")),
		text("description"), open(skills, "sophistication"), open(resourceLevels, "resource_level"),
		listed(text("aliases", "goals")), listed(open(actorRoles, "roles")),
		open(motivations, "primary_motivation"), listed(open(motivations, "secondary_motivations", "personal_motivations"))),

	"tool": sdo20("STIX 2.0 Part 2 §2.11", nil,
		labels20, needed(text("name")), text("description", "tool_version"), killChain20),

	"vulnerability": sdo20("STIX 2.0 Part 2 §2.12", nil,
		needed(text("name")), text("description")),

	"relationship": sdo20("STIX 2.0 Part 2 §3.1", []rule{relationshipName},
		needed(text("relationship_type")), text("description"),
		needed(reference(toDomain, "source_ref", "target_ref"))),

	"sighting": sdo20("STIX 2.0 Part 2 §3.2", []rule{seenOrder},
		instant("first_seen", "last_seen"), within(0, 999_999_999, integer("count")),
		needed(reference(toDomain, "sighting_of_ref")),
		listed(reference(of("observed-data"), "observed_data_refs")),
		listed(reference(of("identity"), "where_sighted_refs")), boolean("summary")),

	"marking-definition": newShape("STIX 2.0 Part 1 §4.1", []rule{marking}, marking20,
		needed(text("definition_type")), needed(dictionary("definition"))),
}
