package stix

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// said writes observables in one line: kind value, and a hash's algorithm, separated by ;.
func said(all []Observable) string {
	var out []string
	for _, o := range all {
		s := string(o.Kind) + " " + o.Value
		if o.Algorithm != "" {
			s += " (" + o.Algorithm + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

func TestObservablesOfPatterns(t *testing.T) {
	for pattern, want := range map[string]string{
		`[ipv4-addr:value = '198.51.100.7' OR domain-name:value = 'X.Example.']`:                                                                                                                        "ipv4 198.51.100.7; domain x.example",
		`[ipv4-addr:value = '198.51.100.1/32' OR ipv6-addr:value = '2001:0db8:0:0:0:0:0:1/128']`:                                                                                                        "ipv4 198.51.100.1; ipv6 2001:db8::1",
		`[ipv4-addr:value ISSUBSET '198.51.100.7/24' OR ipv4-addr:value ISSUPERSET '203.0.113.7']`:                                                                                                      "ipv4 198.51.100.0/24",
		`[ipv4-addr:value IN ('198.51.100.7', '198.51.100.8') OR ipv4-addr:value = '198.51.100.7']`:                                                                                                     "ipv4 198.51.100.7; ipv4 198.51.100.8",
		`[ipv6-addr:value = '::ffff:198.51.100.7' OR ipv6-addr:value ISSUBSET '::ffff:198.51.100.0/120']`:                                                                                               "ipv4 198.51.100.7; ipv4 198.51.100.0/24",
		`[network-traffic:dst_ref.value = '203.0.113.33/32' AND network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_port = 443]`:                                                         "ipv4 203.0.113.33",
		`[network-traffic:src_ref.value = 'Host.Example' OR network-traffic:src_ref.value = 'D2-FB-49-24-37-18']`:                                                                                       "domain host.example; mac d2:fb:49:24:37:18",
		`[domain-name:value = 'www.example.org' AND domain-name:resolves_to_refs[*].value = '198.51.100.1']`:                                                                                            "domain www.example.org; ipv4 198.51.100.1",
		`[domain-name:value != 'a.example' OR domain-name:value NOT = 'b.example' OR domain-name:value NOT IN ('c.example') OR domain-name:value > 'd']`:                                                "",
		`[domain-name:value LIKE 'a.example' OR domain-name:value LIKE '%.example' OR domain-name:value LIKE 'a_b' OR domain-name:value MATCHES 'a']`:                                                   "domain a.example",
		`[url:value = 'HTTP://User:Pw@WWW.Example/Path?Q=A']`:                                                                                                                                           "url http://User:Pw@www.example/Path?Q=A",
		`[email-addr:value = 'John.Doe@Example.ORG'] FOLLOWEDBY [email-message:subject = 'Hi']`:                                                                                                         "email John.Doe@example.org; email-subject Hi",
		`[email-message:from_ref.value = 'a@b.example' AND email-message:body_multipart[*].body_raw_ref.name = 'x.exe']`:                                                                                "email a@b.example; file-name x.exe",
		`[file:hashes.'SHA-256' = 'AEC0' OR file:hashes.MD5 = 'B' OR file:hashes.sha1 = 'c' OR file:hashes.SSDEEP = '3:AXGBicFlgVNhBGcL6wCrFQEv:AXGHsNhxLsr2C']`:                                        "hash aec0 (SHA-256); hash b (MD5); hash c (SHA-1); hash 3:AXGBicFlgVNhBGcL6wCrFQEv:AXGHsNhxLsr2C (SSDEEP)",
		`[file:hashes[*] = 'aa' OR file:extensions.'windows-pebinary-ext'.imphash = 'bb' OR file:extensions.'windows-pebinary-ext'.sections[*].hashes.MD5 = 'cc' OR artifact:hashes.'SHA-512' = h'DD']`: "hash aa; hash bb (imphash); hash cc (MD5); hash dd (SHA-512)",
		`[process:image_ref.hashes.MD5 = 'aa' AND process:image_ref.parent_directory_ref.path = 'C:\\Windows' AND process:command_line = 'a b']`:                                                        `hash aa (MD5); path C:\Windows; command-line a b`,
		`[file:name = 'foo.dll' AND file:size = 5 AND file:mime_type = 'a/b' AND file:parent_directory_ref.path = '/tmp']`:                                                                              "file-name foo.dll; path /tmp",
		`[windows-registry-key:key = 'HKLM\\Software\\Run\\' AND windows-registry-key:values[*].name = 'Foo' AND windows-registry-key:values[0].data_type = 'REG_SZ']`:                                  `registry-key hkey_local_machine\software\run; registry-value Foo`,
		`[autonomous-system:number = 64496 OR autonomous-system:number IN (64497, 64498)]`:                                                                                                              "asn 64496; asn 64497; asn 64498",
		`[x509-certificate:serial_number = '4C:0b:1d' AND x509-certificate:issuer = 'CN=W' AND x509-certificate:subject_public_key_exponent = 3]`:                                                       "certificate-serial 4c0b1d; certificate-name CN=W",
		`[software:cpe = 'CPE:2.3:a:b' OR software:name = 'Word' OR mutex:name = 'M' OR user-account:account_login = 'root' OR user-account:account_type = 'unix' OR user-account:credential = 'pw']`:   "cpe cpe:2.3:a:b; software Word; mutex M; account root",
		`[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'UA/1']`:                                                                                                          "user-agent UA/1",
		`[configuration-profile:id = 'com.Example' OR x-a:b = '198.51.100.7' OR x-a:c = 7 OR x-a:d.hashes.MD5 = 'AA']`:                                                                                  "text com.Example; ipv4 198.51.100.7; hash aa (MD5)",
		`[domain-name:value = '198.51.100.7' OR ipv4-addr:value = 'a.example' OR ipv4-addr:value = '010.1.1.1' OR autonomous-system:number = 'Name']`:                                                   "ipv4 198.51.100.7; domain a.example; text 010.1.1.1; text Name",
		`[ipv4-addr:value = '  ' OR mutex:name = 'a' OR EXISTS file:name]`:                                                                                                                              "mutex a",
	} {
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		if got := said(p.Observables()); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", pattern, got, want)
		}
	}
}

func TestObservablesOfObjects(t *testing.T) {
	for raw, want := range map[string]string{
		`{"type":"ipv4-addr","value":"198.51.100.77/24"}`:                                                          "ipv4 198.51.100.0/24",
		`{"type":"ipv6-addr","value":"FE80::1%eth0"}`:                                                              "ipv6 fe80::1",
		`{"type":"ipv6-addr","value":"02:00:5e:10:00:00:00:01"}`:                                                   "ipv6 2:0:5e:10::1",
		`{"type":"mac-addr","value":"D2FB.4924.3718"}`:                                                             "mac d2:fb:49:24:37:18",
		`{"type":"domain-name","value":" Bücher.EXAMPLE. ","resolves_to_refs":["x"]}`:                              "domain bücher.example",
		`{"type":"url","defanged":true,"value":"hxxps://evil[.]example/a(.)b"}`:                                    "url https://evil.example/a.b",
		`{"type":"url","defanged":false,"value":"hxxps://evil[.]example/a"}`:                                       "url hxxps://evil[.]example/a",
		`{"type":"email-addr","value":"a@B.example","display_name":"A"}`:                                           "email a@b.example",
		`{"type":"autonomous-system","number":64496,"name":"N"}`:                                                   "asn 64496",
		`{"type":"user-account","user_id":"1001","account_login":"jdoe","display_name":"J","credential":"secret"}`: "account 1001; account jdoe; account J",
		`{"type":"artifact","url":"http://A.example/","hashes":{"SHA-256":"AA"},"payload_bin":"AAAA"}`:             "url http://a.example/; hash aa (SHA-256)",
		`{"type":"file","name":"a\u002edll","size":5,"hashes":{"MD5":"AB","x_own":"Z"},"extensions":{"ntfs-ext":{"sid":"S-1","alternate_data_streams":[{"name":"s","hashes":{"MD5":"cd"}}]},
			"windows-pebinary-ext":{"imphash":"EF","pe_type":"dll","file_header_hashes":{"SHA-1":"0a"},"sections":[{"name":".text","hashes":{"sha256":"0b"}}]}}}`: "file-name a.dll; hash ab (MD5); hash Z (x_own); account S-1; file-name s; hash cd (MD5); hash ef (imphash); hash 0a (SHA-1); hash 0b (SHA-256)",
		`{"type":"windows-registry-key","key":"HKEY_CURRENT_USER\\A","values":[{"name":"n","data":"d","data_type":"REG_SZ"},{"name":""}]}`:                                                            `registry-key hkey_current_user\a; registry-value n; registry-value d`,
		`{"type":"process","command_line":"a","cwd":"/","pid":7,"extensions":{"windows-service-ext":{"service_name":"sirvizio"}}}`:                                                                    "command-line a; path /; process sirvizio",
		`{"type":"network-traffic","src_ref":"ipv4-addr--1","protocols":["tcp"],"extensions":{"http-request-ext":{"request_header":{"User-Agent":["A","B"],"Host":"www.example.org","Cookie":"c"}}}}`: "user-agent A; user-agent B; domain www.example.org",
		`{"type":"x509-certificate","serial_number":"36:F7:d4","subject":"CN=s","issuer":"CN=i","hashes":{"SHA-1":"aa"},"version":"3"}`:                                                               "certificate-serial 36f7d4; certificate-name CN=s; certificate-name CN=i; hash aa (SHA-1)",
		`{"type":"software","name":"Word","cpe":"cpe:2.3:A","swid":"s","vendor":"V","version":"1"}`:                                                                                                   "software Word; cpe cpe:2.3:a; software s",
		`{"type":"email-message","subject":"S","message_id":"<1@a>","body":"b","from_ref":"r"}`:                                                                                                       "email-subject S; message-id <1@a>",
		`{"type":"directory","path":"/usr"}`:                      "path /usr",
		`{"type":"mutex","name":"M","x_value":"v","value":"not"}`: "mutex M",
		`{"type":"wallet","value":"bc1QAbc","x":{"hashes":{"MD5":"AA"}},"extensions":{"extension-definition--1":{"value":"inner"}}}`: "text bc1QAbc; hash aa (MD5)",
		`{"type":"x-report","created":"2024-01-01T00:00:00Z","value":"v"}`:                                                           "",

		`{"type":"indicator","pattern":"[ipv4-addr:value = '198.51.100.7']"}`:                       "ipv4 198.51.100.7",
		`{"pattern_type":"stix","pattern":"[file:name = '\u0061\\\\b']","type":"indicator"}`:        `file-name a\b`,
		`{"type":"indicator","pattern_type":"yara","pattern":"[ipv4-addr:value = '198.51.100.7']"}`: "",
		`{"type":"indicator","pattern":"[file:name = 'C:\\Windows\\a.exe']"}`:                       `file-name C:\Windows\a.exe`,
		`{"type":"indicator","pattern":"[file:extensions.windows-pebinary-ext.imphash = 'AA']"}`:    "hash aa (imphash)",
		`{"type":"indicator","pattern":"[file:name = 'a'"}`:                                         "",
		`{"type":"indicator"}`:                                    "",
		`{"type":"indicator","pattern":7}`:                        "",
		`{"type":"observed-data","object_refs":["ipv4-addr--1"]}`: "",
		`{"type":"observed-data","objects":{"0":{"type":"ipv4-addr","value":"198.51.100.7"},"1":{"type":"network-traffic","dst_ref":"0"},"2":{"type":"file","defanged":true,"name":"a[.]exe","hashes":{"MD5":"AA"}},"3":{"type":"x-a","value":"V"},"4":5,"5":{"value":"x"}}}`: "ipv4 198.51.100.7; file-name a.exe; hash aa (MD5); text V",
		`{"type":"malware","name":"198.51.100.7","external_references":[{"hashes":{"MD5":"aa"}}]}`: "",
		`{"type":7}`: "", `[]`: "", `{`: "", `{}`: "",
		`{"type":"mutex","name":"a\u0000b"}`: "",
	} {
		if got := said(Observables([]byte(raw))); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", raw, got, want)
		}
	}
	long := strings.Repeat("x", MaxObservable)
	if got := Observables([]byte(`{"type":"mutex","name":"` + long + `"}`)); len(got) != 1 {
		t.Errorf("%d values", len(got))
	}
	if got := Observables([]byte(`{"type":"mutex","name":"` + long + `y"}`)); len(got) != 0 {
		t.Errorf("%d values", len(got))
	}
}

func TestObservablePrefixes(t *testing.T) {
	for value, want := range map[string]string{
		"198.51.100.7": "198.51.100.7/32", "198.51.100.7/24": "198.51.100.0/24", "::ffff:198.51.100.7": "198.51.100.7/32",
		"2001:DB8::1": "2001:db8::1/128", "2001:db8::/32": "2001:db8::/32", "::/0": "::/0", "0.0.0.0/0": "0.0.0.0/0",
		"::ffff:0:0/64": "::/64", "a.example": "invalid Prefix",
	} {
		got := Observables([]byte(`{"type":"ipv4-addr","value":"` + value + `"}`))
		if len(got) != 1 || got[0].Prefix.String() != want {
			t.Errorf("%s: %+v, want %s", value, got, want)
		}
		if p := got[0].Prefix; p.IsValid() && p != p.Masked() {
			t.Errorf("%s: %v is not masked", value, p)
		}
		if p := got[0].Prefix; p.IsValid() && (p.Addr().Is4() != (got[0].Kind == KindIPv4) || p.IsSingleIP() == strings.Contains(got[0].Value, "/")) {
			t.Errorf("%s: %+v", value, got)
		}
	}
}

func TestNormalizeValue(t *testing.T) {
	for typed, want := range map[string]string{
		"198.51.100.7": "ipv4 198.51.100.7; text 198.51.100.7", " 198.51.100[.]7 ": "ipv4 198.51.100.7; text 198.51.100[.]7",
		"198.51.100.7/24": "ipv4 198.51.100.0/24; text 198.51.100.7/24", "198.51.100.7:443": "ipv4 198.51.100.7; text 198.51.100.7:443",
		"2001:DB8::1": "ipv6 2001:db8::1; text 2001:DB8::1", "[2001:db8::1]": "ipv6 2001:db8::1; text [2001:db8::1]", "[2001:db8::1]:80": "ipv6 2001:db8::1; text [2001:db8::1]:80",
		"D2:FB:49:24:37:18":                "mac d2:fb:49:24:37:18; certificate-serial d2fb49243718; text D2:FB:49:24:37:18",
		"D2FB49243718":                     "mac d2:fb:49:24:37:18; certificate-serial d2fb49243718; text D2FB49243718",
		"d41d8cd98f00b204e9800998ecf8427E": "hash d41d8cd98f00b204e9800998ecf8427e (MD5); certificate-serial d41d8cd98f00b204e9800998ecf8427e; text d41d8cd98f00b204e9800998ecf8427E",
		strings.Repeat("A", 64):            "hash " + strings.Repeat("a", 64) + " (SHA-256); certificate-serial " + strings.Repeat("a", 64) + "; text " + strings.Repeat("A", 64),
		"hXXps://Evil[.]Example/A":         "url https://evil.example/A; text hXXps://Evil[.]Example/A",
		"John@Example.ORG":                 "email John@example.org; text John@Example.ORG", "john[at]example[dot]org": "email john@example.org; text john[at]example[dot]org",
		"Evil.Example.": "domain evil.example; text Evil.Example.", "install.sh": "domain install.sh; text install.sh", "*.evil.example": "domain *.evil.example; text *.evil.example",
		"AS64496": "asn 64496; text AS64496", "asn 64496": "asn 64496; text asn 64496", "64496": "asn 64496; certificate-serial 64496; text 64496",
		`HKLM\Software\Run\`: `registry-key hkey_local_machine\software\run; text HKLM\Software\Run\`,
		"cpe:2.3:A:b":        "cpe cpe:2.3:a:b; text cpe:2.3:A:b", "some words": "text some words", "a.7": "text a.7", "Mutex": "text Mutex", "://x": "text ://x",
		"": "", " \t": "", "\xff": "", strings.Repeat("x", MaxObservable+1): "", "a\x00b": "",
	} {
		if got := said(NormalizeValue(typed)); got != want {
			t.Errorf("%q\ngot  %s\nwant %s", typed, got, want)
		}
	}
}

// TestObservableFound is what lookups rest on: whatever form a value is written in, and
// whatever it stands in, looking up what was written finds it.
func TestObservableFound(t *testing.T) {
	t.Parallel()
	hex := func(t *rapid.T, n int) string {
		return rapid.StringMatching(fmt.Sprintf("[0-9a-fA-F]{%d}", n)).Draw(t, "hex")
	}
	kinds := map[string]func(t *rapid.T) string{
		"ipv4-addr:value": func(t *rapid.T) string {
			a := netip.AddrFrom4([4]byte{byte(rapid.IntRange(0, 255).Draw(t, "a")), 2, 3, byte(rapid.IntRange(0, 255).Draw(t, "b"))})
			return rapid.SampledFrom([]string{a.String(), a.String() + "/32", a.String() + "/17", "::ffff:" + a.String()}).Draw(t, "form")
		},
		"ipv6-addr:value": func(t *rapid.T) string {
			return "2001:0DB8:" + hex(t, 4) + "::" + hex(t, 1) + rapid.SampledFrom([]string{"", "/128", "/48", "%eth0"}).Draw(t, "form")
		},
		"domain-name:value": func(t *rapid.T) string {
			return rapid.StringMatching(`([a-zA-Z_ä][a-zA-Z0-9ö]{0,9}\.){1,3}[a-zA-Z]{2,5}\.?`).Draw(t, "domain")
		},
		"url:value": func(t *rapid.T) string {
			return rapid.StringMatching(`[hH]ttps?://([a-z]+@)?[A-Za-z0-9.]+(:80)?(/[ -~]*)?`).Draw(t, "url")
		},
		"email-addr:value": func(t *rapid.T) string {
			return rapid.StringMatching(`[a-zA-Z0-9._+-]{1,9}@[A-Za-z]+\.[A-Za-z]{2,3}`).Draw(t, "email")
		},
		"mac-addr:value": func(t *rapid.T) string {
			return rapid.StringMatching(`([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}|([0-9A-F]{2}-){5}[0-9A-F]{2}|([0-9a-f]{4}\.){2}[0-9a-f]{4}`).Draw(t, "mac")
		},
		"file:hashes.MD5":       func(t *rapid.T) string { return hex(t, 32) },
		"file:hashes.'SHA-256'": func(t *rapid.T) string { return hex(t, 64) },
		"file:name":             func(t *rapid.T) string { return rapid.StringMatching(`[ -~]{1,20}`).Draw(t, "name") },
		"mutex:name":            func(t *rapid.T) string { return rapid.String().Draw(t, "name") },
		"x509-certificate:serial_number": func(t *rapid.T) string {
			return rapid.StringMatching(`([0-9a-fA-F]{2}:){2,19}[0-9a-fA-F]{2}|[0-9a-f]{8,40}`).Draw(t, "serial")
		},
		"windows-registry-key:key": func(t *rapid.T) string {
			return rapid.StringMatching(`(HKLM|hkcu|HKEY_USERS)(\\[ -~]{0,9}){0,3}`).Draw(t, "key")
		},
		"software:cpe": func(t *rapid.T) string {
			return rapid.StringMatching(`cpe:2\.3:[aA]:[a-zA-Z0-9*:]{1,20}`).Draw(t, "cpe")
		},
		"x-a:b": func(t *rapid.T) string { return rapid.String().Draw(t, "any") },
	}
	paths := slices.Sorted(func(yield func(string) bool) {
		for path := range kinds {
			if !yield(path) {
				return
			}
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SampledFrom(paths).Draw(t, "path")
		value := kinds[path](t)
		p, err := ParsePattern("[" + path + " = '" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "']")
		if err != nil {
			t.Fatal(err)
		}
		guesses := NormalizeValue(value)
		for _, o := range p.Observables() {
			if !slices.ContainsFunc(guesses, func(g Observable) bool { return g.Value == o.Value && g.Prefix == o.Prefix }) {
				t.Fatalf("%s = %q gives %+v, looked up as %+v", path, value, o, guesses)
			}
		}
		for _, g := range guesses { // what is normal stays as it is
			if again, ok := normalize(g.Kind, g.Value); !ok || again.Value != g.Value || again.Kind != g.Kind {
				t.Fatalf("%+v becomes %+v", g, again)
			}
		}
	})
}

// observedObjects are cyber-observables, indicators and observed-data, mixed as feeds mix
// them.
func observedObjects(n int) [][]byte {
	random := rand.New(rand.NewPCG(3, 4))
	const common = `"spec_version":"2.1","created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z","valid_from":"2024-01-01T00:00:00Z","pattern_type":"stix","indicator_types":["malicious-activity"]`
	raws := make([][]byte, n)
	for i := range raws {
		id := fmt.Sprintf("%08x-0000-4000-8000-%012x", random.Uint32(), i)
		switch i % 4 {
		case 0:
			raws[i] = fmt.Appendf(nil, `{"type":"ipv4-addr","spec_version":"2.1","id":"ipv4-addr--%s","value":"198.51.%d.%d"}`, id, i/256%256, i%256)
		case 1:
			raws[i] = fmt.Appendf(nil, `{"type":"indicator","id":"indicator--%s",%s,"name":"Host %d","pattern":"[domain-name:value = 'host%d.example' OR ipv4-addr:value = '203.0.113.%d']"}`, id, common, i, i, i%256)
		case 2:
			raws[i] = fmt.Appendf(nil, `{"type":"file","spec_version":"2.1","id":"file--%s","name":"sample%d.exe","size":%d,"hashes":{"MD5":"%032x","SHA-256":"%064x"}}`, id, i, i, i, i)
		case 3:
			raws[i] = fmt.Appendf(nil, `{"type":"indicator","id":"indicator--%s",%s,"pattern":"[file:hashes.'SHA-256' = '%064x']"}`, id, common, i)
		}
	}
	return raws
}

func BenchmarkObservables(b *testing.B) {
	raws := observedObjects(2000)
	for _, test := range []struct {
		name string
		do   func(raw []byte) int
	}{
		{"Parse", func(raw []byte) int { v, _ := Parse(raw); return len(v.ID) }},
		{"Observables", func(raw []byte) int { return len(Observables(raw)) }},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, raw := range raws {
					if test.do(raw) == 0 {
						b.Fatalf("%s", raw)
					}
				}
			}
			b.ReportMetric(float64(b.N)*float64(len(raws))/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

func BenchmarkNormalizeValue(b *testing.B) {
	values := []string{"198.51.100.7", "host.example.org", "https://Example.org/a", "d41d8cd98f00b204e9800998ecf8427e", "some words"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		NormalizeValue(values[i%len(values)])
	}
}

func FuzzObservables(f *testing.F) {
	seeds(f)
	for _, raw := range observedObjects(4) {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		all := append(Observables(raw), NormalizeValue(string(raw))...)
		if id, ok := DeterministicID(raw); ok != (id != "") {
			t.Fatalf("%q, %v", id, ok)
		}
		for _, o := range all {
			if o.Value == "" || o.Kind == "" || len(o.Value) > 2*MaxObservable || strings.IndexByte(o.Value, 0) >= 0 {
				t.Fatalf("%+v", o)
			}
			if again, ok := normalize(o.Kind, o.Value); !ok || again.Value != o.Value {
				t.Fatalf("%+v becomes %+v", o, again)
			}
		}
	})
}
