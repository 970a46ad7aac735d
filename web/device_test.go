package web

import (
	"slices"
	"strings"
	"testing"
)

func TestReadDevice(t *testing.T) {
	t.Parallel()
	for ua, want := range map[string]device{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0":                                                               {"Firefox", "Windows"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1":        {"Safari", "iPhone"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1": {"Chrome", "iPhone"},
		"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/127.0 Mobile/15E148 Safari/605.1.15":               {"Firefox", "iPad"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15":                          {"Safari", "Mac"},
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36":                                          {"Chrome", "Linux"},
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36":                                 {"Chrome", "ChromeOS"},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0":                  {"Edge", "Windows"},
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36":            {"Samsung Internet", "Android"},
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 OPR/115.0.0.0":                  {"Opera", "Windows"},
		"Mozilla/5.0 (Android 15; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0":                                                                           {"Firefox", "Android"},
		"Mozilla/5.0 (compatible; Somebot/2.1)": {},
		"Mozilla/5.0 (Windows NT 10.0)":         {"", "Windows"},
		"Mozilla/5.0 Firefox/1":                 {"Firefox", ""},
		"curl/8.9.1 (Windows) Firefox/132":      {}, "": {}, "\xff\x00": {},
	} {
		if got := readDevice(ua); got != want {
			t.Errorf("%s\n is read as %+v, want %+v", ua, got, want)
		}
	}
}

// Whatever is sent, only our own words come out.
func FuzzReadDevice(f *testing.F) {
	for _, seed := range []string{"", "Mozilla/5.0 Edg<script>", "Mozilla/ iPhone Windows Firefox/ Chrome/", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, ua string) {
		d := readDevice(ua)
		known := func(name, sign string) bool {
			return name == "" || strings.HasPrefix(ua, "Mozilla/") && strings.Contains(ua, sign)
		}
		b := slices.IndexFunc(browsers, func(b struct{ sign, name string }) bool { return b.name == d.Browser && known(b.name, b.sign) })
		s := slices.IndexFunc(systems, func(s struct{ sign, name string }) bool { return s.name == d.System && known(s.name, s.sign) })
		if d.Browser != "" && b < 0 || d.System != "" && s < 0 {
			t.Errorf("%q is read as %+v", ua, d)
		}
	})
}
