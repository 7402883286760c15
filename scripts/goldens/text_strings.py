"""Texts in many scripts, and texts that tokenizers are known to stumble over. The same ones in every run."""

import random
import unicodedata

sentences = [
    "All human beings are born free and equal in dignity and rights.",
    "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren; Straße, Öl, Übung.",
    "Todos los seres humanos nacen libres e iguales en dignidad y derechos, ¿no? ¡Sí!",
    "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. İstanbul, ılık.",
    "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền.",
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι· ΟΔΥΣΣΕΥΣ, ΣΑΣ, ΑΣ ΑΣ.",
    "Все люди рождаются свободными и равными в своём достоинстве и правах.",
    "Всі люди народжуються вільними і рівними у своїй гідності та правах; їжак.",
    "Բոլոր մարդիկ ծնվում են ազատ ու հավասար իրենց արժանապատվությամբ:",
    "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.",
    "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם. שָׁלוֹם",
    "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق، وقد وُهبوا عقلًا.",
    "تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند.",
    "سभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।",
    "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।",
    "மனிதப் பிறவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்.",
    "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులును సమానులును.",
    "ಎಲ್ಲಾ ಮಾನವರೂ ಸ್ವತಂತ್ರರಾಗಿಯೇ ಜನಿಸಿದ್ದಾರೆ.",
    "മനുഷ്യരെല്ലാവരും തുല്യാവകാശങ്ങളോടും അന്തസ്സോടും സ്വാതന്ത്ര്യത്തോടുംകൂടി ജനിച്ചിട്ടുള്ളവരാണ്.",
    "પ્રતિષ્ઠા અને અધિકારોની દૃષ્ટિએ સર્વ માનવો જન્મથી સ્વતંત્ર અને સમાન હોય છે.",
    "ਸਾਰਾ ਮਨੁੱਖੀ ਪਰਿਵਾਰ ਆਪਣੀ ਮਹਿਮਾ, ਸ਼ਾਨ ਅਤੇ ਹੱਕਾਂ ਦੇ ਪੱਖੋਂ ਜਨਮ ਤੋਂ ਹੀ ਆਜ਼ਾਦ ਹੈ।",
    "සියලු මනුෂ්‍යයෝ නිදහස්ව උපත ලබා ඇත.",
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ น้ำ",
    "ມະນຸດເກີດມາມີສິດເສລີພາບ ແລະສະເໝີໜ້າກັນໃນທາງກຽດຕິສັກ ນ້ຳ",
    "មនុស្សទាំងអស់ កើតមកមានសេរីភាព និងសមភាព ក្នុងផ្នែកសេចក្ដីថ្លៃថ្នូរ។",
    "လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် မွေးဖွားလာသူများ ဖြစ်သည်။",
    "འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་ཆེ་མཐོངས་དང༌།",
    "የሰው፡ልጅ፡ሁሉ፡ሲወለድ፡ነጻና፡በክብርና፡በመብትም፡እኩልነት፡ያለው፡ነው።",
    "Хүн бүр төрж мэндлэхэд эрх чөлөөтэй. ᠬᠦᠮᠦᠨ ᠪᠦᠷ ᠲᠥᠷᠥᠵᠦ",
    "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。",
    "人人生而自由,在尊嚴和權利上一律平等。𠀀𠮷𡃁𪚥𫝀𬺰",
    "すべての人間は、生まれながらにして自由であり、ガギグゲゴ。ｶﾞｷﾞ ﾊﾟ １２３ＡＢＣ",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 한글",
    "ᏂᎦᏓ ᎠᏂᏴᏫ ᏂᎨᎫᏓᎸᎾ ᎠᎴ ᎤᏂᏠᏱ ᎤᎾᏕᎿ ꭰꭱꭲ",
    "ߡߐ߱ ߓߍ߯ ߘߍ߬ߘߍߣߍ߲߫ ߞߏ߫ ߟߊ߫", "ܟܠ ܒܪܢܫܐ ܒܪܝܠܗ ܚܐܪܐ ܘܒܪܒܪ", "އެންމެ އިންސާނުން އުފަންވަނީ",
    "ᐃᓄᓗᒃᑖᑦ ᐊᓂᖅᑎᕆᔪᖅ", "𐌰𐌻𐌻𐌰𐌹 𐌼𐌰𐌽𐌽𐌰", "𐐂 𐐎𐐨𐐲 𐐔𐐇𐐝 𐐨𐐩", "𞤋𞤥𞤮 𞤢𞤣𞤫 𞥐𞥑 𞥞𞥟", "ⵉⵎⴷⴰⵏⵏ ⴰⴽⴽⵯ",
]

blocks = [
    (0x20, 0x7E), (0xA0, 0xFF), (0x100, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF),
    (0x400, 0x52F), (0x530, 0x58F), (0x590, 0x5FF), (0x600, 0x6FF), (0x700, 0x7BF), (0x7C0, 0x8FF),
    (0x900, 0x97F), (0x980, 0xA7F), (0xA80, 0xB7F), (0xB80, 0xC7F), (0xC80, 0xD7F), (0xD80, 0xDFF),
    (0xE00, 0xEFF), (0xF00, 0xFFF), (0x1000, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x139F), (0x13A0, 0x167F),
    (0x1680, 0x17FF), (0x1800, 0x18AF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x214F), (0x2190, 0x2BFF),
    (0x2E00, 0x30FF), (0x3100, 0x33FF), (0x4E00, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF),
    (0xFB00, 0xFDFF), (0xFE00, 0xFFFD), (0x10000, 0x10FFF), (0x11000, 0x11FFF), (0x16000, 0x16FFF), (0x1B000, 0x1BFFF),
    (0x1D000, 0x1D7FF), (0x1E000, 0x1EFFF), (0x1F000, 0x1FAFF), (0x20000, 0x2FA1F), (0xE0000, 0xE01EF), (0xF0000, 0x10FFFF),
]

emoji = ["👩‍👩‍👧‍👦", "👍🏽", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "☺︎", "🧑🏿‍🚀", "#️⃣", "1️⃣", "😀", "👨‍💻", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🤷🏻‍♀️", "🫱🏼‍🫲🏾"]

spaces = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\v", "\f", "\x85", "\xa0", "\u1680", "\u180e", "\u2000", "\u2009",
          "\u200b", "\u200c", "\u200d", "\u2028", "\u2029", "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff", "\x1c", "\x1f"]

specials = ["[CLS]", "[SEP]", "[MASK]", "[PAD]", "[UNK]", "<s>", "</s>", "<mask>", "<pad>", "<unk>", "[sep]", "<S>", "[MASK", "< s>",
            "<|endoftext|>", "[unused1]", "ADDED", "added", "wörd", "WÖRD", "x_tok", "tok", "<0x41>", "▁", "▁▁", "Ġ", "##a"]

odd = [
    "", " ", "a", "Don't we'll they've I'm you're he'd it's 'tis O'Neil's'", "3.14 1,000,000 10e-5 0xFF ½ ² Ⅷ ١٢٣ １２３",
    "http://example.com/a?b=c&d=%20#e_f", "def f(x):\n    return x**2  # a comment\n\tif x != 3:\n\t\tpass\n",
    "café cafe\u0301 CAFÉ CAFE\u0301 ﬁ ﬃ ǅ ß ẞ İ I\u0307 ı", "a\u0300\u0301\u0323b q\u0323\u0307 \u0301start Å Å A\u030a",
    "\u1112\u1161\u11ab 한 각 \u1100\u1161\u11a8 \ud55c\u11a8", "ΑΣ ΑΣ. ΣΑΣ ς σ Σ ΆΣ΄", "가\u0301 क़ क\u093c ড় o\u0338 \u0f71\u0f72\u0f74", "ﷺ ﬀ ㎏ ㍿ ① ⑩ ℌ",
    "$100 £5 €3 ¥7 a+b=c <tag/> {x} ~y~ `z` ^w^ |v| @u @@ -- --- … “q” ‘r’ «s»", "....!!!???----____****",
    "x" * 99, "x" * 100, "x" * 101, "é" * 100, "e\u0301" * 60, "𝒳" * 100, "𝒳" * 101, "日" * 150, "ab" * 300, " " * 300,
    "\n" * 50 + "end", "a" + " " * 40 + "b", "word " * 200, "[MASK]" * 20, " [MASK]  <mask>  x", "tok tok, xtok tokx tok", "\u0000a\u0000b\u0000",
    "\ufffd \ufffe \uffff \ufdd0", "\U000e0001\U000e0041\U0010ffff", "\u202eabc\u202c \u2066d\u2069 \u00adsoft\u00adhyphen", "a\u200db\u200cc\u2060d\ufeffe",
    "Ａ\u0301 Ａ\u3099 ｶ\u3099 か\u3099 は\u309a", "ﾞ ﾟ ｶﾞ", "\u0e33 \u0eb3 กำ ກຳ", "\u0d4eക \U000111c2\U00011183", "\u3164\uffa0\u115f\u1160",
]

# Texts that are repeated: their tokens are stored as a hash.
repeated = [("x", 5000), ("日本", 2500), ("👩‍👩‍👧‍👦", 300), ("é", 3000), (" ", 4000), ("a b", 3000), ("ᄒ", 2000), ("e\u0301", 2500)]


def words_of(rng, block):
    def character():
        while True:
            c = chr(rng.randint(*block))
            if unicodedata.category(c) not in ("Cs",):
                return c

    return " ".join("".join(character() for _ in range(rng.randint(1, 7))) for _ in range(rng.randint(1, 5)))


def any_character(rng):
    while True:
        c = rng.choice([rng.randint(0, 0xFF), rng.randint(0, 0xFFFF), rng.randint(0, 0x2FFFF), rng.randint(0, 0x10FFFF)])
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def mixed(rng):
    """Parts of all kinds behind one another."""
    kinds = [
        lambda: rng.choice(rng.choice(sentences).split()), lambda: rng.choice(sentences)[: rng.randint(1, 30)],
        lambda: rng.choice(emoji), lambda: rng.choice(spaces), lambda: rng.choice(specials), lambda: any_character(rng),
        lambda: words_of(rng, rng.choice(blocks)), lambda: rng.choice(spaces) * rng.randint(1, 5), lambda: chr(rng.randint(0x300, 0x36F)),
    ]
    return "".join(rng.choice(kinds)() for _ in range(rng.randint(1, 8)))


def strings():
    rng = random.Random(20)
    found = list(odd) + sentences + [s.upper() for s in sentences] + [unicodedata.normalize("NFD", s) for s in sentences]
    found += [" ".join(rng.sample(sentences, 6)) for _ in range(30)]
    for block in blocks:
        found += [words_of(rng, block) for _ in range(10)]
    controls = [chr(c) for c in [*range(0x20), *range(0x7F, 0xA0)]]
    found += [f"a{c}b {c} {c}{c}c" for c in controls]
    found += [f"{a}x{s}y{s}" for s in spaces for a in ("", s)]
    found += [f"{a}{s}{b}" for s in specials for a, b in [("", ""), ("a ", " b"), ("a", "b"), (" ", "  "), ("é,", ".Z")]]
    found += [f"{a}{e}{b}" for e in emoji for a, b in [("", ""), ("hi ", "!"), ("a", "b")]]
    found += ["".join(any_character(rng) for _ in range(rng.randint(1, 40))) for _ in range(250)]
    found += [mixed(rng) for _ in range(900)]
    return list(dict.fromkeys(found))


def long_text():
    """100 kB of everything."""
    rng = random.Random(21)
    parts, size = [], 0
    while size < 100_000:
        parts.append(mixed(rng) if rng.random() < 0.2 else rng.choice(sentences))
        size += len(parts[-1].encode()) + 1
    return " ".join(parts)
