package stix

// Common properties (STIX 2.1 §3.2). Those whose faults refuse an object are judged by
// common; here it only counts whether they belong to the type.

var (
	always   = each(isChecked, []string{"type", "id", "spec_version"})
	marked   = each(isChecked, []string{"object_marking_refs", "granular_markings"})
	authored = each(isChecked, []string{"created_by_ref"})
	dated    = needed(each(isChecked, []string{"created"}))
	revised  = needed(each(isChecked, []string{"modified"}))
	revoked  = each(isChecked, []string{"revoked", "labels"})
	trusted  = each(isChecked, []string{"confidence"})
	spoken   = language("lang")
	sourced  = listed(object(externalReference, "external_references"))
	extended = extensions(nil)

	// commonDomain are those of domain objects and relationships, commonObservable those
	// of cyber-observables.
	commonDomain     = join(always, marked, authored, dated, revised, revoked, trusted, spoken, sourced, extended)
	commonObservable = join(always, marked, boolean("defanged"), extended)
	commonMarking    = join(always, marked, authored, dated, sourced, extended)
	commonLanguage   = join(always, marked, authored, dated, revised, revoked, trusted, sourced, extended)
	commonExtension  = join(always, marked, needed(each(isChecked, []string{"created_by_ref"})), dated, revised, revoked, sourced)
)

func join(groups ...[]property) []property {
	var all []property
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// Types inside objects.
var (
	// STIX 2.1 §2.5
	externalReference = newShape("STIX 2.1 §2.5", []rule{oneOf("description", "url", "external_id")},
		needed(text("source_name")), text("description", "url", "external_id"), hashes("hashes"))

	// STIX 2.1 §2.11
	killChainPhase = newShape("STIX 2.1 §2.11", nil, needed(text("kill_chain_name", "phase_name")))
	killChain      = listed(object(killChainPhase, "kill_chain_phases"))

	shapeCustom           = newShape("STIX 2.1 §3.2", nil, commonDomain)
	shapeCustomObservable = newShape("STIX 2.1 §3.2", nil, commonObservable)
)
