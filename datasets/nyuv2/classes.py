"""The 40 classes of NYU Depth V2, the way to them from its 894 names, and the scenes.

The mapping is that of Gupta, Arbelaez, Malik (CVPR 2013), `classMapping40.mat`: 37
names are a class of their own, 68 are other structure, 82 other furniture, and all the
rest other props. It is kept by name, so it holds for a file's own order of names.
"""

import numpy as np

UNLABELLED = 255

CLASS_NAMES = (
    *("wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window"),
    *("bookshelf", "picture", "counter", "blinds", "desk", "shelves", "curtain"),
    *("dresser", "pillow", "mirror", "floor mat", "clothes", "ceiling", "books"),
    *("refridgerator", "television", "paper", "towel", "shower curtain", "box"),
    *("whiteboard", "person", "night stand", "toilet", "sink", "lamp", "bathtub"),
    *("bag", "otherstructure", "otherfurniture", "otherprop"),
)

SCENE_NAMES = (
    *("basement", "bathroom", "bedroom", "bookstore", "cafe", "classroom"),
    *("computer_lab", "conference_room", "dinette", "dining_room", "excercise_room"),
    *("foyer", "furniture_store", "home_office", "home_storage", "indoor_balcony"),
    *("kitchen", "laundry_room", "living_room", "office", "office_kitchen"),
    *("playroom", "printer_room", "reception_room", "student_lounge", "study"),
    "study_room",
)

_OTHER_STRUCTURE = """
air conditioner, air duct, air vent, baby gate, banister, bar, blackboard, board,
cable rack, chandelier, chimney, circuit breaker box, classroom board, column,
curtain rod, dishwasher, door curtain, door facing trimreflection, door frame, door way,
door way arch, door window reflection, doorreflection, drain, electric box, fireplace,
fish tank, floor trim, garage door, gate, glass, glass pane, glass rack, green screen,
grill, iron grill, kitchen island, light, light switch, light switchreflection,
lighting track, mail shelf, mailshelf, mantel, mantle, oven, phone jack,
projector screen, railing, range hood, reflection of window shutters, shower base,
spice rack, spice stand, stairs, storage space, stove, towel rod, track light,
tree sculpture, wall stand, water fountain, window box, window cover, window frame,
window seat, window shelf, wooden pillar
"""

_OTHER_FURNITURE = """
baby chair, barrel, bassinet, bean bag, bench, bookrack, bunk bed, cat bed, cat cage,
chart stand, chest, cloth drying stand, clothing dryer, clothing drying rack,
clothing hamper, clothing hanger, clothing washer, coffee table, cradle, crate, crib,
desk drawer, desser, display board, display case, dog bed, dog cage, doily, doll house,
dolly, drawer, drying rack, drying stand, educational display, excercise equipment,
excercise machine, file box, file stand, filing shelves, flipboard, foosball table,
foot rest, furnace, furniture, garbage bin, grandfather clock, headboard, heater,
indoor fountain, ironing board, ladder, lectern, luggage rack, mattress, music stand,
ottoman, piano, piano bench, ping pong table, playpen, pool table, radiator,
room divider, slide, stacked chairs, stacked plastic racks, stand, storage chest,
storage rack, storage shelvesbooks, stroller, tent, toys rack, toys shelf, trampoline,
treadmill, trolly, tv stand, wall divider, wardrobe, washing machine, water cooler
"""


def class_colors() -> tuple[tuple[int, int, int], ...]:
    """Returns one (red, green, blue) a class, no two alike and none black.

    The bits of class number + 1 are dealt to red, green and blue in turn, from the
    highest bit of each downwards, as in the pictures of PASCAL VOC.
    """
    numbers = range(1, len(CLASS_NAMES) + 1)
    return tuple(
        (_every_third_bit(n), _every_third_bit(n >> 1), _every_third_bit(n >> 2))
        for n in numbers
    )


def class_table(names: list[str]) -> np.ndarray:
    """Returns the class 0..39 of each label id, as [len(names) + 1] uint8.

    Id k of a label map is `names[k - 1]`; id 0, no label, becomes 255.

    Raises:
      ValueError: one of the 37 names that are classes of their own is not there, so
        these are not the names of NYU Depth V2.
    """
    names = [_plain(name) for name in names]
    own = CLASS_NAMES[:37]
    if missing := [name for name in own if name not in names]:
        raise ValueError(
            f"Expected the 894 names of NYU Depth V2, found {len(names)} names without "
            f"{', '.join(map(repr, missing))}."
        )
    numbers = dict.fromkeys(_listed(_OTHER_STRUCTURE), 37)
    numbers |= dict.fromkeys(_listed(_OTHER_FURNITURE), 38)
    numbers |= {name: number for number, name in enumerate(own)}
    return np.array([UNLABELLED, *(numbers.get(n, 39) for n in names)], np.uint8)


def _every_third_bit(number: int) -> int:
    return sum((number >> (3 * k) & 1) << (7 - k) for k in range(3))


def _plain(name: str) -> str:
    return " ".join(name.split())  # one name has double blanks


def _listed(text: str) -> list[str]:
    return [_plain(name) for name in text.split(",")]
