package stix

import "strings"

// vocabulary is an open vocabulary of the standard (STIX 2.1 §10). Any other value is
// allowed; one of these is written exactly as here (§3.1).
type vocabulary map[string]struct{}

func words(list string) vocabulary {
	v := vocabulary{}
	for word := range strings.FieldsSeq(list) {
		v[word] = struct{}{}
	}
	return v
}

// means finds what a value is another spelling of, "" where it is none.
func (v vocabulary) means(value string) string {
	if _, ok := v[value]; ok || len(value) > 64 {
		return ""
	}
	plain := strings.Map(func(r rune) rune {
		if r == '_' || r == ' ' {
			return '-'
		}
		return r
	}, strings.ToLower(value))
	if _, ok := v[plain]; ok {
		return plain
	}
	return ""
}

var (
	accountTypes = words("facebook ldap nis openid radius skype tacacs twitter unix windows-local windows-domain")
	motivations  = words(`accidental coercion dominance ideology notoriety organizational-gain personal-gain
		personal-satisfaction revenge unpredictable`)
	resourceLevels     = words("individual club contest team organization government")
	groupingContexts   = words("suspicious-activity malware-analysis unspecified")
	identityClasses    = words("individual group system organization class unknown")
	programmingTongues = words(`applescript bash c c++ c# go java javascript lua objective-c perl php powershell python
		ruby scala swift typescript visual-basic x86-32 x86-64`)
	indicatorTypes = words("anomalous-activity anonymization benign compromised malicious-activity attribution unknown")
	sectors        = words(`agriculture aerospace automotive chemical commercial communications construction defense education
		energy entertainment financial-services government emergency-services government-local government-national
		government-public-services government-regional healthcare hospitality-leisure infrastructure dams nuclear water
		insurance legal manufacturing mining non-profit pharmaceuticals retail technology telecommunications transportation
		utilities`)
	infrastructureTypes = words(`amplification anonymization botnet command-and-control control-system exfiltration firewall
		hosting-malware hosting-target-lists phishing reconnaissance routers-switches staging workstation unknown`)
	malwareResults      = words("malicious suspicious benign unknown")
	malwareCapabilities = words(`accesses-remote-machines anti-debugging anti-disassembly anti-emulation anti-memory-forensics
		anti-sandbox anti-vm captures-input-peripherals captures-output-peripherals captures-system-state-data
		cleans-traces-of-infection commits-fraud communicates-with-c2 compromises-data-availability compromises-data-integrity
		compromises-system-availability controls-local-machine degrades-security-software degrades-system-updates
		determines-c2-server emails-spam escalates-privileges evades-av exfiltrates-data fingerprints-host hides-artifacts
		hides-executing-code infects-files infects-remote-machines installs-other-components persists-after-system-reboot
		prevents-artifact-access prevents-artifact-deletion probes-network-environment self-modifies
		steals-authentication-credentials violates-system-operational-integrity`)
	malwareTypes = words(`adware backdoor bot bootkit ddos downloader dropper exploit-kit keylogger ransomware
		remote-access-trojan resource-exploitation rogue-security-software rootkit screen-capture spyware trojan unknown
		virus webshell wiper worm`)
	patternTypes = words("stix pcre sigma snort suricata yara")
	processors   = words("alpha arm ia-64 mips powerpc sparc x86 x86-64")
	regions      = words(`africa eastern-africa middle-africa northern-africa southern-africa western-africa americas
		latin-america-caribbean south-america caribbean central-america northern-america asia central-asia eastern-asia
		southern-asia south-eastern-asia western-asia europe eastern-europe northern-europe southern-europe western-europe
		oceania antarctica australia-new-zealand melanesia micronesia polynesia`)
	reportTypes = words(`attack-pattern campaign identity indicator intrusion-set malware observed-data threat-actor
		threat-report tool vulnerability`)
	actorTypes = words(`activist competitor crime-syndicate criminal hacker insider-accidental insider-disgruntled nation-state
		sensationalist spy terrorist unknown`)
	actorRoles = words("agent director independent infrastructure-architect infrastructure-operator malware-author sponsor")
	skills     = words("none minimal intermediate advanced expert innovator strategic")
	toolTypes  = words(`denial-of-service exploitation information-gathering network-capture credential-exploitation
		remote-access vulnerability-scanning unknown`)
	binaryTypes = words("dll exe sys")
)
