package stix

// observableKinds are the properties that name an observable value, by the paths of
// patterns without indexes and apostrophes. A path that begins with the colon stands
// behind a reference, of which it is not known what it points to. Hashes are not here:
// they are found by the name of their property.
var observableKinds = map[string]ObservableKind{
	"artifact:url": KindURL, "url:value": KindURL,

	"ipv4-addr:value": kindAddress, "ipv6-addr:value": kindAddress,
	"domain-name:value": KindDomain, "mac-addr:value": KindMAC,
	"network-traffic:extensions.http-request-ext.request_header.Host":       kindAny,
	"network-traffic:extensions.http-request-ext.request_header.User-Agent": KindUserAgent,
	"autonomous-system:number": KindASN,

	"email-addr:value": KindEmail, "email-message:subject": KindSubject, "email-message:message_id": KindMessage,

	"file:name": KindFileName, "directory:path": KindPath, "process:cwd": KindPath,
	"file:path":                    KindPath, // not in the standard, and common
	"file:extensions.ntfs-ext.sid": KindAccount,
	"file:extensions.ntfs-ext.alternate_data_streams.name": KindFileName,
	"file:extensions.windows-pebinary-ext.imphash":         KindHash,

	"process:name":         KindProcess, // STIX 2.0 Part 4 §2.14
	"process:command_line": KindCommand,
	"process:extensions.windows-process-ext.owner_sid":    KindAccount,
	"process:extensions.windows-service-ext.service_name": KindProcess,

	"user-account:user_id": KindAccount, "user-account:account_login": KindAccount, "user-account:display_name": KindAccount,
	"user-account:extensions.unix-account-ext.home_dir": KindPath,

	"mutex:name": KindMutex, "windows-registry-key:key": KindRegistryKey,
	"windows-registry-key:values.name": KindRegistryValue, "windows-registry-key:values.data": KindRegistryValue,

	"software:name": KindSoftware, "software:swid": KindSoftware, "software:cpe": KindCPE,

	"x509-certificate:serial_number": KindSerial,
	"x509-certificate:subject":       KindCertificate, "x509-certificate:issuer": KindCertificate,

	":value": kindAny, ":name": KindFileName, ":path": KindPath, ":number": KindASN,
	":key": KindRegistryKey, ":command_line": KindCommand, ":url": KindURL,
	":user_id": KindAccount, ":account_login": KindAccount, ":display_name": KindAccount,
}

// Kinds that the value itself decides.
const (
	kindAddress ObservableKind = "address" // IPv4 or IPv6, whichever property it stands in
	kindAny     ObservableKind = "any"     // what is referred to by an address or a name
	kindOther   ObservableKind = "other"   // a value that the standard does not know
)

// maxObservablePath is longer than any path of the table.
const maxObservablePath = 96

// algorithms are the names of hashes (STIX 2.1 §10.7) as they are written in the field:
// in capitals without hyphens and underscores.
var algorithms = map[string]string{
	"MD5": "MD5", "SHA1": "SHA-1", "SHA224": "SHA-224", "SHA256": "SHA-256", "SHA384": "SHA-384",
	"SHA512": "SHA-512", "SHA3256": "SHA3-256", "SHA3512": "SHA3-512", "SSDEEP": "SSDEEP", "TLSH": "TLSH",
	"IMPHASH": "imphash",
}

// algorithm gives the name that the standard has for a hash, else the one that is used.
func algorithm(name string) string {
	if hashDigits[name] > 0 { // as the standard writes it
		return name
	}
	var room [16]byte
	plain := room[:0]
	for i := range len(name) {
		switch c := name[i]; {
		case c == '-' || c == '_':
			continue
		case len(plain) == len(room):
			return clip(name)
		case c-'a' < 26:
			plain = append(plain, c-0x20)
		default:
			plain = append(plain, c)
		}
	}
	if known := algorithms[string(plain)]; known != "" {
		return known
	}
	return clip(name)
}
