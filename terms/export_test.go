package terms

import "slices"

// KeyText is what the code says of a key, for tests that hold the documents against it.
type KeyText struct{ Name, Form, Default string }

// KeyTexts gives the keys of the terms file in its order, then those of a member.
func KeyTexts() []KeyText {
	var all []KeyText
	for _, k := range slices.Concat(keys, memberKeys) {
		all = append(all, KeyText{k.name, k.form, k.def})
	}
	return all
}

// KeyNames gives their names.
func KeyNames() []string {
	var names []string
	for _, k := range KeyTexts() {
		names = append(names, k.Name)
	}
	return names
}
