package stix

import (
	"strings"
	"testing"
)

// TestDeterministicID holds the identifiers to those of the examples in STIX 2.1 with
// Errata 01, §2.9 and §6. Those with references recompute with
// the identifiers that the text had before Errata 01, so such a one is here with them.
func TestDeterministicID(t *testing.T) {
	for id, members := range map[string]string{
		"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4":            `"value":"198.51.100.3"`,
		"ipv6-addr--85a85a8c-ee99-5722-946d-3c3a3270fc6f":            `"value":"2001:0db8:85a3:0000:0000:8a2e:0370:7334"`,
		"ipv6-addr--084d3b4c-7785-568a-a569-0c61c95754ab":            `"value":"2001:0db8::/96"`,
		"mac-addr--757b1725-9903-54f5-a855-1240691d7659":             `"value":"d2:fb:49:24:37:18"`,
		"mutex--f93fe911-e545-5239-b9b0-597840d0c871":                `"name":"__CLEANSWEEP__"`,
		"email-addr--6deb37bd-12b7-54ae-805f-5f7146f3d171":           `"value":"jdoe@example.com","display_name":"John Doe"`,
		"email-addr--2aeeb98c-9db4-525e-874d-221fdfe9f76e":           `"value":"mary@example.com","display_name":"Mary Smith"`,
		"directory--0a58d0c1-59e6-5afd-8252-dcd3f13e5622":            `"path":"C:\\Windows\\System32"`,
		"user-account--f94d689e-707d-58c3-b803-c720bb6ed096":         `"user_id":"1001","account_login":"jdoe","account_type":"unix","display_name":"John Doe"`,
		"user-account--f223e803-846b-591a-aefa-545e938f8a56":         `"user_id":"thegrugq_ebooks","account_login":"thegrugq_ebooks","account_type":"twitter"`,
		"windows-registry-key--1884b770-b679-522a-a9c7-45fadaaec7bb": `"key":"HKEY_LOCAL_MACHINE\\System\\Foo\\Bar"`,
		"windows-registry-key--f6a11ddf-fa2b-54c8-97ab-e7f28413095a": `"key":"hkey_local_machine\\system\\bar\\foo","values":[{"name":"Foo","data":"qwerty","data_type":"REG_SZ"},{"name":"Bar","data":"42","data_type":"REG_DWORD"}]`,
		"file--949eb97a-da1e-5292-8959-03c4249dc9f3":                 `"hashes":{"SHA-256":"fe90a7e910cb3a4739bed9180e807e93fa70c90f25a8915476f5e4bfbac681db"},"size":25536,"name":"foo.dll"`,
		"file--7d1e3a18-89e7-5bc5-be36-9879f5b7f5c8":                 `"hashes":{"SHA-256":"841a8921140aba50671ebb0770fecc4ee308c4952cfeff8de154ab14eeef4649"},"name":"quêry.dll","name_enc":"windows-1252"`,
		"file--39643577-13b7-5f21-9584-df7e7c33f357":                 `"hashes":{"SHA-256":"ceafbfd424be2ca4a5f0402cae090dda2fb0526cf521b60b60077c0f622b285a"},"parent_directory_ref":"directory--93c0a9b0-520d-545d-9094-1a08ddf46b05","name":"qwerty.dll"`,
		"file--70221dbf-52fd-5377-9619-c0ce6b3ffc8c":                 `"hashes":{"SHA-256":"ceafbfd424be2ca4a5f0402cae090dda2fb0526cf521b60b60077c0f622b285a"}`,
	} {
		objectType, _, _ := strings.Cut(id, "--")
		raw := []byte(`{"type":"` + objectType + `","id":"` + id + `",` + members + `}`)
		got, ok := DeterministicID(raw)
		if string(got) != id || !ok {
			t.Errorf("%s: %s, %v", id, got, ok)
		}
		if v, findings := Parse(raw); v == nil || len(findings) > 0 {
			t.Errorf("%s: %v", id, findings)
		}
		upper := strings.Replace(string(raw), id, objectType+"--"+strings.ToUpper(id[len(objectType)+2:]), 1)
		if v, findings := Parse([]byte(upper)); v == nil || len(findings) > 0 {
			t.Errorf("%s in capitals: %v", id, findings)
		}
	}
}

// TestDeterministicIDOf shows what contributes and how.
func TestDeterministicIDOf(t *testing.T) {
	of := func(s string) string {
		id, ok := DeterministicID([]byte(s))
		if ok != (id != "") {
			t.Errorf("%s: %q, %v", s, id, ok)
		}
		return string(id)
	}
	for _, same := range [][2]string{
		{`{"type":"file","hashes":{"SHA-256":"b","MD5":"a"}}`, `{"hashes":{"MD5":"a"},"type":"file","size":5}`},
		{`{"type":"file","hashes":{"SHA-256":"b","SHA-512":"c"}}`, `{"type":"file","hashes":{"SHA-256":"b"}}`},
		{`{"type":"file","hashes":{"x_b":"2","x_a":"1"}}`, `{"type":"file","hashes":{"x_a":"1"}}`},
		{`{"type":"file","name":"a","hashes":{}}`, `{"type":"file","name":"a"}`},
		{`{"type":"url","value":"\u0061"}`, ` {"value":"a","type":"url"} `},
		{`{"type":"network-traffic","protocols":["tcp"],"src_port":1.0e3}`, `{"type":"network-traffic","src_port":1000,"protocols":[ "tcp" ]}`},
		{`{"type":"windows-registry-key","key":"k","values":[{"name":"n","data":"d"}]}`, `{"type":"windows-registry-key","values":[{"data":"d","name":"n"}],"key":"k"}`},
	} {
		if a, b := of(same[0]), of(same[1]); a != b || a == "" {
			t.Errorf("%s: %s\n%s: %s", same[0], a, same[1], b)
		}
	}
	for _, none := range []string{
		`{"type":"process","pid":5}`, `{"type":"file","size":5}`, `{"type":"file","hashes":{}}`, `{"type":"indicator","name":"a"}`,
		`{"type":"x-a","value":"a"}`, `{"value":"a"}`, `{"type":5}`, `[]`, `{`, `{"type":"url","value":"a","value":"b"}`,
	} {
		if id := of(none); id != "" {
			t.Errorf("%s: %s", none, id)
		}
	}
	if a, b := of(`{"type":"file","hashes":{"MD5":"a"}}`), of(`{"type":"file","hashes":{"SHA-1":"a"}}`); a == b {
		t.Error("the algorithm does not count")
	}
}
