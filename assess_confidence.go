package entente

// ConfidenceScale is a way to say in words or codes how sure somebody is, with what each
// term means as STIX confidence (STIX 2.1 Appendix A).
type ConfidenceScale struct {
	Name  string // in one lower-case word
	Title string // as the appendix has it
	Terms []ConfidenceTerm
}

// ConfidenceTerm is one term of a scale: of the confidences from the one that the term
// before ends at up to Most, from 0 to 100.
type ConfidenceTerm struct {
	Term string
	Most int
}

// ConfidenceScales are the scales of STIX 2.1 Appendix A, in its order.
func ConfidenceScales() []ConfidenceScale {
	return []ConfidenceScale{
		{"words", "None / Low / Med / High", []ConfidenceTerm{{"None", 0}, {"Low", 29}, {"Med", 69}, {"High", 100}}},
		{"ten", "0-10 Scale", []ConfidenceTerm{{"0", 4}, {"1", 14}, {"2", 24}, {"3", 34}, {"4", 44}, {"5", 54}, {"6", 64}, {"7", 74}, {"8", 84}, {"9", 94}, {"10", 100}}},
		{"admiralty", "Admiralty Credibility", []ConfidenceTerm{{"5 - Improbable", 19}, {"4 - Doubtful", 39}, {"3 - Possibly True", 59},
			{"2 - Probably True", 79}, {"1 - Confirmed by other sources", 100}}},
		{"wep", "WEP", []ConfidenceTerm{{"Impossible", 0}, {"Highly Unlikely/Almost Certainly Not", 19}, {"Unlikely/Probably Not", 39}, {"Even Chance", 59},
			{"Likely/Probable", 79}, {"Highly likely/Almost Certain", 99}, {"Certain", 100}}},
		{"dni", "DNI Scale", []ConfidenceTerm{{"Almost No Chance / Remote", 9}, {"Very Unlikely / Highly Improbable", 19}, {"Unlikely / Improbable", 39},
			{"Roughly Even Chance / Roughly Even Odds", 59}, {"Likely / Probable", 79}, {"Very Likely / Highly Probable", 89}, {"Almost Certain / Nearly Certain", 100}}},
	}
}

// ConfidenceWords says what a confidence from 0 to 100 is in each scale, by the name of the
// scale. Where none is stated, -1, that is "Not Specified" or, in Admiralty Credibility,
// "6 - Truth cannot be judged"; the other scales have no term for it and are left out.
func ConfidenceWords(confidence int) map[string]string {
	if confidence < 0 || confidence > 100 {
		return map[string]string{"words": "Not Specified", "admiralty": "6 - Truth cannot be judged"}
	}
	out := map[string]string{}
	for _, s := range ConfidenceScales() {
		for _, t := range s.Terms {
			if confidence <= t.Most {
				out[s.Name] = t.Term
				break
			}
		}
	}
	return out
}
