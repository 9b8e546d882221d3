package entente

import "strings"

// tlpMarkings are the marking definitions of each level of the Traffic Light Protocol: of
// TLP 2.0 (FIRST, 2022; its STIX extension) and, where there is one, of TLP 1 (STIX 2.1
// §7.2.1.4), whose WHITE is CLEAR.
var tlpMarkings = map[string][]ObjectID{
	"clear":        {"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"},
	"green":        {"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"},
	"amber":        {"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"},
	"amber+strict": {"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"},
	"red":          {"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"},
}

// TLPMarkings gives the marking definitions that state a level: clear, green, amber,
// amber+strict or red. It is nil for any other text.
func TLPMarkings(level string) []ObjectID { return tlpMarkings[level] }

// ParseTLP reads the name of a level in upper or lower case; "white" is clear. A blank
// may stand for the plus sign, which is what a query makes of it.
func ParseTLP(s string) (level string, ok bool) {
	level = strings.ReplaceAll(strings.ToLower(s), " ", "+")
	if level == "white" {
		level = "clear"
	}
	return level, tlpMarkings[level] != nil
}
