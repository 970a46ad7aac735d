//go:build e2e

package e2e

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/archpilot/crm/internal/paths"
)

//go:embed testdata/room.js
var room string

// TestTextHasRoom reads the main pages with words 40 % longer, and with letters of twice the size: nothing is cut off,
// lies on something else, or makes one scroll sideways.
func TestTextHasRoom(t *testing.T) {
	s := newDemo(t, func(s *site) {
		s.addUser(t, "Adam", "admin")
	})
	b := s.newTab(t)
	b.signIn("Adam", paths.Organizations)
	organization, said := s.busiest(t), sentences(t)
	for name, path := range map[string]string{
		"the list": paths.Organizations + "?sector=Energy", "people": paths.Contacts, "a record": organization, "Today": paths.Home, "a form": paths.NewOrganization,
		"the log": organization + "/interactions/new", "follow-ups": paths.FollowUps + "?who=all",
	} {
		b.view(look{1280, "light"})
		b.open(path)
		script[bool](b, room+";true")
		b.letters(2)
		for _, width := range []int64{1280, 390, 320} {
			b.view(look{width, "light"})
			b.hasRoom(name+" in large letters", width)
		}
		b.letters(1)
		b.fitsThumbs(name)
		if n := script[int](b, "lengthenSentences("+said+")"); n < 30 {
			t.Errorf("%s: only %d sentences are known", name, n)
		}
		for _, width := range []int64{1280, 390} {
			b.view(look{width, "light"})
			b.hasRoom(name+" in long words", width)
		}
	}
}

// sentences are all that the site says, as JSON.
func sentences(t testing.TB) string {
	t.Helper()
	file, err := os.Open(filepath.Join(repository, "internal/l10n/catalogue/en.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // only read
	var said []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		sentence, err := strconv.Unquote(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, sentence)
	}
	list, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	return string(list)
}

// letters makes what the browser takes for the usual size of letters so many times as large, as its settings do.
func (b *tab) letters(times int64) {
	b.t.Helper()
	const usual = 16
	b.do(func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, page.SetFontSizes, page.SetFontSizesParams{FontSizes: &page.FontSizes{Standard: usual * times, Fixed: 13 * times}})
		return chromedp.Void{}, err
	})
	b.until("the letters have their size", fmt.Sprintf(`parseFloat(getComputedStyle(document.documentElement).fontSize) === %d * 0.875`, usual*times))
}

// hasRoom fails the test unless all text on the page can be read.
func (b *tab) hasRoom(name string, width int64) {
	b.t.Helper()
	b.fits(name, width)
	if faults := script[[]string](b, "cramped()"); len(faults) > 0 {
		b.t.Errorf("%s at %d px:\n\t%s", name, width, strings.Join(faults, "\n\t"))
	}
}

// fitsThumbs is fitsThumb for all main actions of a page on a phone.
func (b *tab) fitsThumbs(name string) {
	b.t.Helper()
	b.view(look{390, "light"})
	small := script[[]string](b, `[...document.querySelectorAll(".top a, .bottom > a, .bottom summary, .btn.primary, .form-foot .btn, .list .name, .search, .tick, .todo .acts .btn, .tasks .acts .btn")]
		.filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 44).map((e) => (e.innerText || e.ariaLabel || e.className).trim() + " " + e.getBoundingClientRect().height)`)
	if len(small) > 0 {
		b.t.Errorf("%s has actions too small for a thumb: %s", name, strings.Join(small, "; "))
	}
}
