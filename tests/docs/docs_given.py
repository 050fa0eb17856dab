"""What a page leaves to its reader, made by shell commands before those of the page.

The names are those of the page. ``$SHELF`` is a folder with what several pages use; it is made
once.
"""

SHELF = """
healthygan prep phantom films films
healthygan prep phantom brains heads
healthygan prep films films data/films --table films/cohort.csv --size 32 --pseudonyms given
healthygan train "$PWD/data/films" --set recipe=paper
healthygan export authors runs/00000-films authors-G.ckpt
mkdir few
cp films/films/IM000[1-4].dcm few
echo '{"datasets": ["SET"], "methods": ["mean-intensity", "distance-to-mean"], "seeds": [0]}' > grid.json
"""

GIVEN = {
    "README.md": """
cp -r $SHELF/films PACS_EXPORT
cp -r $SHELF/heads IXI_FOLDER
cp -r $SHELF/few export
ln -s PACS_EXPORT/cohort.csv films.csv
ln -s IXI_FOLDER/cohort.csv heads.csv
""",
    "bundle/docs/README.md": """
cp -r $SHELF/data/films DATASET
mkdir FOLDER
ln -s ../bundle FOLDER/healthygan
mkdir bundle/eval
echo '{}' > bundle/eval/schema.json
""",
    "docs/benchmark.md": """
cp -r $SHELF/films films-of-D
echo path,patient_id,split,label,mask_path,dataset,site,age,sex > films-of-D/labels.csv
for name in brain_lgg cxr_nih; do
    sed "1d; s/$/,$name,here,50,F/" films-of-D/cohort.csv >> films-of-D/labels.csv
done
ln -s healthygan-demo/runs/00000-demo RUN
sed 's,SET,cxr_nih,' $SHELF/grid.json > grid.json
""",
    "docs/clinical_quickstart.md": """
ln -s export/cohort.csv cohort.csv
cp -r $SHELF/few new-export
""",
    "docs/data_format.md": "sed 's,SET,films-64,' $SHELF/grid.json > GRID.json",
    "docs/scale.md": "mkdir data; cp -r $SHELF/data/films data/films",
    "docs/new_patients.md": "cp -r $SHELF/few new-films",
    "docs/data_sources.md": """
mkdir -p NIH_FOLDER/images_001/images data/ixi clinic
chest=NIH_FOLDER/Data_Entry_2017_v2020.csv
echo 'Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,'\\
'OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]' > $chest
set -- $SHELF/data/films/images/*/01_000.png
for n in $(seq 10 29); do
    cp $1 NIH_FOLDER/images_001/images/000000${n}_000.png
    finding='No Finding'; if [ $n -gt 21 ]; then finding=Mass; fi
    echo 000000${n}_000.png,$finding,0,$n,$((40 + n)),F,PA,64,64,1,1 >> $chest
    shift
done
echo 'Image Index,Finding Label,Bbox [x,y,w,h],,,' > NIH_FOLDER/BBox_List_2017.csv
echo 00000025_000.png,Mass,16,16,32,16,,, >> NIH_FOLDER/BBox_List_2017.csv
echo 'IXI_ID,"SEX_ID (1=m, 2=f)",AGE' > data/ixi/IXI.csv
set -- $SHELF/heads/brains/*.nii.gz
for n in 1 2 3 4 5; do
    cp $1 data/ixi/IXI00$n-HH-000$n-T1.nii.gz
    echo $n,1,3$n.5 >> data/ixi/IXI.csv
    shift
done
mv data/ixi/IXI005-HH-0005-T1.nii.gz data/ixi/IXI005-Guys-0005-T1.nii.gz
n=0
for picture in $SHELF/data/films/images/*/01_000.png; do
    n=$((n + 1))
    case $((n % 6)) in 0|1) place=train/good;; 2) place=valid/good;; 3) place=valid/Ungood;; 4) place=test/good;; *) place=test/Ungood;; esac
    mkdir -p Chest/$place RSNA/$(echo $place | sed 's/valid/test/')
    cp $picture Chest/$place/$n.png
    cp $picture RSNA/$(echo $place | sed 's/valid/test/')/$n.png
done
set -- $SHELF/heads/brains/*.nii.gz
for name in c01 c02 c03 c04 m01 m02 m03; do
    cp $1 clinic/$name.nii.gz
    shift
done
echo 'site: Our clinic
healthy: [c01, c02, c03, c04]
diseased: [m01, m02, m03]' > clinic/cohort.yaml
""",
    "docs/dicom_results.md": "cp $(find $SHELF/films -name *.dcm | sort | head -n 1) film.dcm",
    "docs/exports.md": """
mkdir -p runs data
cp -r $SHELF/runs/00000-films runs
cp -r $SHELF/data/films data
cp $SHELF/authors-G.ckpt 360000-G.ckpt
""",
    "docs/for_hospital_researchers.md": """
cp -r $SHELF/films export
ln -s export/cohort.csv cohort.csv
""",
    "docs/for_method_developers.md": """
mkdir -p data
cp -r $SHELF/data/films data
healthygan prep brains $SHELF/heads data/brains --size 32 --table $SHELF/heads/cohort.csv
""",
    "docs/for_monai_users.md": """
mkdir -p runs data
cp -r $SHELF/runs/00000-films runs
cp -r $SHELF/data/films data
""",
    "docs/monai_deploy.md": """
mkdir -p runs
cp -r $SHELF/runs/00000-films runs
""",
    "docs/monai_label.md": """
mkdir -p apps/monaibundle
touch apps/monaibundle/main.py
cp -r $SHELF/runs/00000-films RUN
""",
    "docs/paper_to_code.md": "cp -r $SHELF/data/films DATASET",
    "docs/paper_vs_code.md": """
cp -r $SHELF/data/films DATASET
cp -r $SHELF/runs/00000-films RUN
""",
    "docs/pretrained_critic.md": """
cp -r $SHELF/data/films DATASET
""",
    "docs/python_api.md": """
mkdir -p runs export
cp -r $SHELF/runs/00000-films runs
cp -r $SHELF/few export/films
touch export/films/IM9001.dcm
""",
    "docs/security.md": "cp -r $SHELF/films export",
}
