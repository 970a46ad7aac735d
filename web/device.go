package web

import "strings"

// device is what a browser says of itself, as far as we know the words: anyone can forge them, so nothing of
// what was sent is ever shown. Its zero value is a program that is no browser we know.
type device struct{ Browser, System string }

// Each list is read from the top: browsers name those they descend from too, Edge for one says Chrome and Safari.
var (
	browsers = []struct{ sign, name string }{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Vivaldi/", "Vivaldi"},
		{"Firefox/", "Firefox"},
		{"FxiOS/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Safari/", "Safari"},
	}
	systems = []struct{ sign, name string }{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"}, {"Macintosh", "Mac"}, {"Linux", "Linux"},
	}
)

// readDevice tells a browser and the system it runs on from a User-Agent header.
func readDevice(ua string) device {
	var d device
	if !strings.HasPrefix(ua, "Mozilla/") { // every browser says so, for reasons nobody remembers
		return d
	}
	for _, b := range browsers {
		if strings.Contains(ua, b.sign) {
			d.Browser = b.name
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(ua, s.sign) {
			d.System = s.name
			break
		}
	}
	return d
}

// words name the device as a person would.
func (d device) words(v *visit) string {
	switch {
	case d.Browser != "" && d.System != "":
		return v.t("%s on %s", d.Browser, d.System)
	case d.Browser != "":
		return d.Browser
	case d.System != "":
		return v.t("A browser on %s", d.System)
	}
	return v.t("A program")
}
