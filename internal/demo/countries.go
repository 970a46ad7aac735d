package demo

import "strings"

// country holds what makes a client and its people sound as if they came from there.
type country struct {
	weight   float64
	forms    []string // legal forms, the commonest first
	tax      string   // # stands for digits: "IT#11"
	phone    string   // numbers no one has, or that no one can be reached at
	mobile   string
	cities   []string
	surnames []string
	given    []string
	trailing bool // "Rinaldi Officine" is also said "Officine Rinaldi"
	column   int  // of sectorWords
}

func words(s string) []string { return strings.Split(s, "|") }

var countries = []*country{
	{
		weight: 30, forms: words("S.r.l.|S.p.A.|S.n.c.|S.r.l."), tax: "IT#11", phone: "+39 0#1 555 #4", mobile: "+39 3#2 555 #4", column: 0, trailing: true,
		cities:   words("Modena|Brescia|Padova|Parma|Bergamo|Vicenza|Ancona|Trieste|Lecce|Cuneo"),
		surnames: words("Albarello|Dal Pozzo|Fiorentini|Lombardi|Rinaldi|Ferri|Conti|Bellucci|Marangoni|Zanetti|Pellegrini|Caruso|Galli|Moretti|De Santis|Vianello|Gatti|Morandi|Santoro|Colombo|Bassi|Orlandi|Tassinari|Venturi|Guidi|Sartori|Castelli|Berti|Palmieri|Donati"),
		given:    words("Lucia|Stefano|Alessia|Chiara|Federico|Paolo|Elisa|Davide|Francesca|Lorenzo|Martina|Matteo|Silvia|Andrea|Sara|Nicola|Valentina|Riccardo|Caterina|Tommaso|Ilaria|Pietro|Beatrice|Emanuele"),
	},
	{
		weight: 16, forms: words("GmbH|AG|GmbH & Co. KG|GmbH"), tax: "DE#9", phone: "+49 #3 555 #5", mobile: "+49 15#1 555 #5", column: 1,
		cities:   words("Bremen|Augsburg|Ulm|Kassel|Freiburg|Rostock|Jena|Bielefeld|Linz|Graz"),
		surnames: words("Brandt|Kessler|Lindner|Vogel|Hartmann|Böhm|Krüger|Steinmetz|Engelhardt|Schreiber|Winkler|Baumann|Dietrich|Falk|Gruber|Hofer|Jäger|Köhler|Lorenz|Möller|Neumann|Ostermann|Pfeiffer|Reuter|Seidel|Thalberg|Ulrich|Wagner|Ziegler|Arndt"),
		given:    words("Katrin|Jürgen|Sabine|Tobias|Anke|Matthias|Heike|Florian|Julia|Stefan|Birgit|Lukas|Nadine|Markus|Petra|Felix|Silke|Jonas|Monika|Sebastian|Ute|Martin|Claudia|Andreas"),
	},
	{
		weight: 13, forms: words("AB|AB|Aktiebolag"), tax: "SE#10 01", phone: "+46 #2 555 #3", mobile: "+46 70 555 #4", column: 2,
		cities:   words("Göteborg|Malmö|Uppsala|Örebro|Lund|Bergen|Aarhus|Kalmar|Umeå|Odense"),
		surnames: words("Bergström|Elvström|Granvik|Öberg|Holm|Dahl|Lindqvist|Nyberg|Sandström|Åkesson|Ekholm|Forsberg|Hedlund|Isaksson|Jansson|Kjellberg|Lundgren|Månsson|Norling|Palmgren|Rosén|Sjögren|Törnqvist|Vinter|Wallin|Ahlström|Blomqvist|Edström|Frisk|Hallberg"),
		given:    words("Karin|Lars|Freja|Ingvar|Astrid|Erik|Maja|Nils|Sofia|Henrik|Linnea|Gustav|Elsa|Oskar|Signe|Magnus|Tove|Axel|Hanna|Jonas|Ebba|Mikael|Annika|Per"),
	},
	{
		weight: 17, forms: words("Ltd|Limited|plc|LLP|Ltd"), tax: "GB#9", phone: "+44 1632 9#5", mobile: "+44 7700 900#3", column: 3,
		cities:   words("Leeds|Bristol|Cardiff|Perth|York|Derby|Galway|Exeter|Norwich|Dundee"),
		surnames: words("Calder|Hollis|Kestrel|Meridian|Petrel|Ashdown|Brennan|Carrick|Dunmore|Everett|Fairfax|Garland|Haddon|Ingram|Jessop|Kirkwood|Langley|Marlow|Nair|Osborne|Prescott|Quill|Redfern|Sinclair|Thorne|Underhill|Vance|Wyndham|Yardley|Adeyemi"),
		given:    words("Rhys|Niamh|Omar|Aoife|Priti|Callum|Fiona|George|Hannah|Isaac|Jade|Kwame|Leila|Miles|Nadia|Owen|Poppy|Rashid|Sophie|Tom|Uma|Victor|Wendy|Zara"),
	},
	{
		weight: 8, forms: words("B.V.|N.V.|B.V."), tax: "NL#9B01", phone: "+31 #2 555 #4", mobile: "+31 6 555 #5", column: 4,
		cities:   words("Utrecht|Delft|Breda|Zwolle|Leiden|Gent|Tilburg|Haarlem|Venlo|Arnhem"),
		surnames: words("Jansen|Visser|Bakker|Dijkstra|Smit|van der Berg|Mulder|de Boer|Hendriks|Kuipers|Postma|Schouten|Verhoeven|Willems|Bos|Vermeulen|Prins|Huisman|van Leeuwen|Kok|Peeters|Claes|Wouters|Maas|Hermans|Dekker|Brouwer|van Dam|Molenaar|Timmermans"),
		given:    words("Jan|Femke|Bram|Sanne|Daan|Lotte|Ruben|Anouk|Thijs|Eva|Joost|Marieke|Sander|Fleur|Wouter|Iris|Koen|Lieke|Maarten|Noor|Pieter|Roos|Stijn|Tessa"),
	},
	{
		weight: 7, forms: words("SAS|SARL|SA|SAS"), tax: "FR#11", phone: "+33 1 99 00 #2 #2", mobile: "+33 6 39 98 #2 #2", column: 5, trailing: true,
		cities:   words("Lyon|Nantes|Reims|Dijon|Annecy|Lille|Tours|Rennes|Pau|Metz"),
		surnames: words("Lefèvre|Marchand|Delacroix|Fontaine|Garnier|Renaud|Chevalier|Moulin|Perrin|Rousseau|Bonnet|Carpentier|Dumas|Faure|Gauthier|Lambert|Mercier|Noël|Picard|Roche|Simon|Tissier|Vasseur|Blanchard|Clément|Barbier|Aubert|Charpentier|Leclerc|Villard"),
		given:    words("Camille|Étienne|Manon|Hugo|Inès|Julien|Margaux|Antoine|Chloé|Baptiste|Élodie|Guillaume|Léa|Mathieu|Nathalie|Olivier|Pauline|Romain|Sandrine|Thierry|Amélie|Vincent|Yasmine|Luc"),
	},
	{
		weight: 5, forms: words("S.L.|S.A.|S.L."), tax: "ESB#8", phone: "+34 91#1 555 #3", mobile: "+34 600 55#1 #3", column: 6, trailing: true,
		cities:   words("Zaragoza|Bilbao|Murcia|Vigo|Gijón|Burgos|Porto|Braga|Girona|Cádiz"),
		surnames: words("Aguirre|Benítez|Castaño|Domínguez|Echeverría|Figueroa|Gálvez|Herrero|Ibáñez|Jurado|Lozano|Medina|Navarro|Ortega|Pascual|Quintana|Robledo|Salazar|Tejada|Urrutia|Valverde|Zamora|Carvalho|Ferreira|Marques|Teixeira|Montero|Roldán|Serrano|Vidal"),
		given:    words("Lucía|Álvaro|Carmen|Diego|Elena|Fernando|Irene|Javier|Laura|Miguel|Nuria|Óscar|Paula|Raúl|Sonia|Tomás|Ana|Joaquim|Inês|Rui|Marta|Pablo|Teresa|Sergio"),
	},
	{
		weight: 4, forms: words("Sp. z o.o.|S.A.|Sp. z o.o."), tax: "PL#10", phone: "+48 #2 555 #4", mobile: "+48 5#2 555 #3", column: 7,
		cities:   words("Gdynia|Poznań|Lublin|Toruń|Opole|Łódź|Kielce|Brno|Olomouc|Rzeszów"),
		surnames: words("Nowak|Kowalczyk|Wiśniewski|Zieliński|Wójcik|Kamiński|Lewandowski|Dąbrowski|Szymański|Mazur|Krawczyk|Piotrowski|Grabowski|Pawlak|Michalski|Król|Wieczorek|Jabłoński|Wróbel|Stępień|Malinowski|Górski|Rutkowski|Sikora|Baran|Duda|Kubiak|Ostrowski|Tomczak|Zając"),
		given:    words("Petra|Marek|Agnieszka|Tomasz|Joanna|Piotr|Magdalena|Krzysztof|Ewa|Paweł|Katarzyna|Michał|Zofia|Jakub|Hanna|Wojciech|Alicja|Adam|Maria|Łukasz|Barbara|Kamil|Dorota|Jan"),
	},
}

// sectorWords are what firms of a sector call themselves, by country in the order above.
var sectorWords = map[string][]string{
	"Agriculture":   words("Vini,Agricola,Oleificio|Saatgut,Landtechnik|Lantbruk,Gård|Farms,Orchards|Tuinbouw,Zaden|Vignobles,Semences|Bodegas,Olivares|Rolnictwo,Sady"),
	"Automotive":    words("Officine,Ricambi,Motori|Fahrzeugbau,Getriebe|Fordon,Bilteknik|Motors,Autoparts|Voertuigen,Carrosserie|Mécanique,Carrosserie|Motor,Recambios|Motoryzacja,Części"),
	"Aviation":      words("Aeronautica,Ali|Luftfahrt,Aerotec|Flyg,Aero|Aviation,Airways|Luchtvaart,Aero|Aéro,Aviation|Aeronáutica,Vuelos|Lotnictwo,Aero"),
	"Ceramics":      words("Ceramiche,Piastrelle|Keramik,Porzellan|Keramik,Porslin|Ceramics,Pottery|Keramiek,Tegels|Céramiques,Faïences|Cerámicas,Azulejos|Ceramika,Płytki"),
	"Construction":  words("Costruzioni,Edilizia|Bau,Hochbau|Bygg,Entreprenad|Construction,Builders|Bouw,Aannemers|Bâtiment,Constructions|Construcciones,Obras|Budownictwo,Konstrukcje"),
	"Consulting":    words("Consulenza,Associati|Beratung,Partner|Konsult,Rådgivning|Consulting,Advisers|Advies,Partners|Conseil,Associés|Consultores,Asesores|Doradztwo,Partnerzy"),
	"Education":     words("Formazione,Scuole|Akademie,Bildung|Utbildning,Akademi|Learning,Academy|Opleidingen,Academie|Formation,Écoles|Formación,Academia|Edukacja,Akademia"),
	"Energy":        words("Energia,Solare|Energie,Solartechnik|Energi,Vindkraft|Energy,Renewables|Energie,Windkracht|Énergies,Solaire|Energía,Renovables|Energia,Fotowoltaika"),
	"Food":          words("Alimentari,Dolciaria,Pastificio|Lebensmittel,Feinkost|Livs,Bageri|Foods,Bakeries|Voeding,Bakkerijen|Alimentation,Biscuits|Alimentos,Conservas|Żywność,Piekarnie"),
	"Healthcare":    words("Salute,Farmaceutici|Medizintechnik,Pharma|Vård,Hälsa|Health,Medical|Zorg,Medisch|Santé,Médical|Salud,Clínicas|Zdrowie,Medyka"),
	"Logistics":     words("Trasporti,Logistica|Spedition,Logistik|Logistik,Frakt|Logistics,Freight|Transport,Logistiek|Transports,Logistique|Transportes,Logística|Logistyka,Spedycja"),
	"Manufacturing": words("Macchine,Meccanica,Stampi|Maschinenbau,Werkzeuge|Verkstad,Maskin|Engineering,Works|Machines,Metaal|Machines,Industries|Maquinaria,Metales|Maszyny,Narzędzia"),
	"Marine":        words("Nautica,Cantieri|Werft,Marinetechnik|Marine,Varv|Marine,Boatyard|Scheepsbouw,Marine|Chantiers,Nautique|Astilleros,Náutica|Stocznia,Jachty"),
	"Optics":        words("Ottica,Lenti|Optik,Lasertechnik|Optik,Foto|Optics,Lenses|Optics,Fotonica|Optique,Photonique|Óptica,Láser|Optyka,Soczewki"),
	"Packaging":     words("Packaging,Imballaggi|Verpackungen,Kartonagen|Förpackning,Kartong|Packaging,Cartons|Verpakkingen,Karton|Emballages,Cartons|Envases,Embalajes|Opakowania,Kartony"),
	"Retail":        words("Distribuzione,Grandi Magazzini|Handel,Märkte|Handel,Butiker|Stores,Retail|Winkels,Handel|Distribution,Magasins|Comercio,Almacenes|Handel,Sklepy"),
	"Robotics":      words("Automazione,Robotica|Robotik,Automation|Robotics,Automation|Robotics,Automation|Robotica,Besturing|Robotique,Automatismes|Robótica,Automatización|Robotyka,Automatyka"),
	"SaaS":          words("Informatica,Digitale|Software,Systeme|Mjukvara,Data|Software,Cloud|Software,Data|Logiciels,Numérique|Software,Datos|Oprogramowanie,Systemy"),
	"Textiles":      words("Tessuti,Filati,Maglificio|Textil,Weberei|Textil,Väveri|Textiles,Mills|Textiel,Weverij|Textiles,Tissages|Textiles,Hilados|Tkaniny,Włókna"),
	"Timber":        words("Legnami,Segheria|Holz,Sägewerk|Trä,Sågverk|Timber,Joinery|Hout,Zagerij|Bois,Scierie|Maderas,Aserradero|Drewno,Tartak"),
}
