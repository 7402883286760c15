"""Composes sentences about everyday matters. A dictionary defines words; this is how people use them."""

import random
import re

WORDS = {
    "animal": "cat|kitten|dog|puppy|horse|cow|sheep|bird|parrot|rabbit|fox|mouse|bear|elephant|fish",
    "rests": "is sleeping|sleeps|is resting|naps|lies|is sitting|sat|curled up",
    "spot": "on the sofa|on the couch|on the bed|under the table|in the garden|in the yard|on the grass|by the fire|in the barn|on the roof|in the box|at the window",
    "chases": "is chasing|chases|runs after|is watching|barks at|is afraid of|plays with|is eating with",
    "person": "man|woman|boy|girl|child|young woman|old man|student|teacher|nurse|farmer|tourist|neighbour|worker",
    "doing": "playing the guitar|playing the piano|playing a violin|riding a bicycle|riding a horse|cutting onions|slicing bread|cooking dinner|washing the dishes|reading a book|reading a newspaper|writing a letter|painting a picture|singing a song|dancing|running|jogging|swimming|driving a car|fixing a bike|repairing a roof|feeding the birds|walking the dog|talking on the phone|taking photographs|drinking coffee|eating an apple|planting flowers|watering the plants|climbing a hill|shouting|laughing|crying",
    "where": "in the park|in the kitchen|at home|in the street|on the beach|at school|in the office|in the forest|near the river|on a stage|in the rain|at the station",
    "login": "reset my password|change my password|log in|sign in to my account|open an account|delete my account|update my email address|enable two-factor authentication|unlock my account|recover my account",
    "computer": "install the app|update the software|print a document|connect to the wifi|connect the printer|share my screen|back up my photos|free up disk space|speed up my laptop|remove a virus|copy a file|restore a deleted file|open a PDF|sort a list|write a loop|query the database|deploy the service|load a model into memory|call the API from Python",
    "device": "phone|laptop|computer|printer|tablet|television|camera|router|washing machine|fridge|dishwasher|car|bike|heating",
    "fault": "does not turn on|will not start|is broken|keeps crashing|is very slow|makes a strange noise|is too hot|has stopped working|cannot be charged|has a cracked screen|loses its connection|is leaking",
    "weather": "sunny and warm|cloudy|rainy|stormy|windy|snowy|very cold|foggy|hot and dry|mild|freezing",
    "when": "today|tomorrow|this morning|tonight|this weekend|next week|on Monday|last week|yesterday|in summer|this year|in the evening",
    "city": "Paris|London|Berlin|Rome|Madrid|Vienna|Tokyo|New York|Chicago|Sydney|Cairo|Mumbai",
    "country": "France|England|Germany|Italy|Spain|Austria|Japan|America|Australia|Egypt|India|China",
    "vehicle": "train|bus|flight|plane|ferry|tram",
    "moves": "is late|is delayed|has been cancelled|leaves at noon|leaves early|arrives at nine|is on time|is full",
    "food": "soup|bread|pasta|rice|salad|pizza|cake|fish|chicken|an omelette|potatoes|beans|vegetables|a sandwich|apple pie|pancakes|cheese|chocolate",
    "cooks": "Bake|Boil|Fry|Roast|Serve|Cook|Prepare|Heat|Stir|Season",
    "taste": "delicious|too salty|too sweet|tasty|cold|burnt|excellent|spicy|bland|fresh",
    "sport": "football|basketball|tennis|hockey|cricket|baseball|rugby|chess|volleyball",
    "won": "won the match|lost the game|won the championship|scored in the last minute|drew the match|were beaten|took the gold medal|fired their coach",
    "money": "interest rates|share prices|house prices|oil prices|taxes|wages|inflation|unemployment|profits|exports|the dollar|food prices",
    "moved": "rose|fell|went up|went down|increased sharply|dropped|stayed the same|are rising|are falling|reached a record",
    "illness": "a headache|a fever|a cold|the flu|a broken arm|a sore throat|a cough|an infection|diabetes|cancer|high blood pressure|back pain|an allergy",
    "treat": "The doctor treated|The patient suffers from|A vaccine protects against|She has|He stayed at home with|This medicine helps against|What helps against|The nurse asked about",
    "order": "order|parcel|package|refund|invoice|delivery|shoes|book|ticket|jacket|new phone",
    "asks": "Where is my {order}?|My {order} has not arrived.|I want to return my {order}.|I was charged twice for my {order}.|Please cancel my {order}.|When will my {order} arrive?|My {order} arrived damaged.|Thank you, my {order} came quickly.|How can I track my {order}?|Can I change the address of my {order}?",
    "film": "film|movie|book|novel|play|song|album|concert|restaurant|hotel|game|lecture",
    "opinion": "wonderful|terrible|boring|exciting|great|awful|funny|sad|far too long|the best I know|the worst of the year|a waste of money|beautiful",
    "politics": "The president|The government|The parliament|The minister|The mayor|The opposition|The council|The court|The union|The company",
    "acts": "announced new taxes|signed the treaty|rejected the law|won the election|lost the vote|promised better schools|closed the factory|opened a new hospital|raised the minimum wage|called for a strike|dismissed the case|approved the budget|denied the accusation|cut thousands of jobs",
    "crime": "The police arrested a man for theft|Thieves stole a painting from the museum|A bank was robbed|Two people were hurt in a car accident|A fire destroyed a house|The judge sent him to prison|A ship sank in the storm|An earthquake shook the city|A bridge collapsed|Heavy rain flooded the streets",
    "science": "Scientists discovered a new planet|Astronomers photographed a black hole|A telescope was sent into space|The moon orbits the earth|Plants turn sunlight into energy|Water boils at a hundred degrees|The atom has a nucleus|Genes are passed from parents to children|Bacteria can resist antibiotics|Ice is melting at the poles|The climate is getting warmer|Whales are mammals|Dinosaurs died out long ago|The heart pumps blood through the body|The brain has billions of nerve cells",
    "tech": "The neural network learns from examples|The server answers requests over the network|The database stores the records|The program has a bug|A compiler translates source code|The computer has too little memory|The processor is too hot|The message is encrypted with a key|The website is offline|The search engine ranks documents|Machine learning finds patterns in data|The robot assembles cars|The update fixes a security hole|The container is restarted by the cluster",
    "school": "mathematics|history|physics|chemistry|biology|music|geography|French|English|computer science|art",
    "learns": "She studies|He teaches|They learn|I failed the exam in|The best book about|My favourite subject is|He is a professor of|We have homework in",
    "home": "rent a flat|buy a house|sell my car|find a job|open a bank account|apply for a visa|pay my taxes|get a loan|insure my car|hire a lawyer|learn to swim|lose weight|sleep better|stop smoking|grow tomatoes|train a dog|bake bread|clean an oven|remove a stain|tie a tie",
    "wish": "I would like to|How can I|What is the best way to|It is hard to|Where can I learn to|She wants to|Please help me",
    "feels": "I am happy|I am very sad|She is angry|He is afraid|They are tired|We are hungry|I am bored|He is in love|She feels lonely|I am proud of you|Thank you very much|I am sorry|Congratulations|Good morning|Good night|Goodbye, see you soon|Nice to meet you",
    "because": "because the {vehicle} {moves}|because {money} {moved}|because it is {weather} {when}|and the {film} was {opinion}|since my {device} {fault}",
}

FRAMES = """
The {animal} {rests} {spot}.
A {animal} {rests} {spot}.
The {animal} {chases} the {animal}.
A {person} is {doing} {where}.
The {person} is {doing}.
Two people are {doing} {where}.
How do I {login}?
I cannot {login}.
How do I {computer}?
I need help to {computer}.
My {device} {fault}.
The {device} {fault}, what can I do?
It will be {weather} {when} in {city}.
The weather in {city} is {weather} {when}.
The {vehicle} to {city} {moves}.
When does the next {vehicle} to {city} leave?
I am flying from {city} to {city} {when}.
Find a cheap hotel in {city}.
What is the capital of {country}?
{city} is the largest city of the country.
{cooks} the {food} for ten minutes.
The {food} was {taste}.
How long does it take to cook {food}?
I would like {food} and {food}, please.
The {sport} players {won} {when}.
Do you play {sport}?
{money} {moved} {when}.
{money} {moved} while {money} {moved}.
{treat} {illness}.
{asks}
The {film} was {opinion}.
I thought the {film} was {opinion}, but my friend liked it.
{politics} {acts} {when}.
{crime} in {city}.
{crime} {when}.
{science}.
{tech}.
{learns} {school}.
{wish} {home}.
{feels}.
{feels} {because}.
"""


def compose(count, seed):
    """`count` different sentences, in an order that depends on `seed`."""
    chance = random.Random(seed)
    frames = FRAMES.strip().splitlines()
    words = {name: choices.split("|") for name, choices in WORDS.items()}

    def fill(text):
        while "{" in text:
            text = re.sub(r"\{(\w+)\}", lambda slot: chance.choice(words[slot.group(1)]), text)
        return text[0].upper() + text[1:]

    sentences = {}
    for _ in range(50 * count):
        sentences[fill(chance.choice(frames))] = True
        if len(sentences) == count:
            return list(sentences)
    raise ValueError(f"the frames make fewer than {count} sentences")
